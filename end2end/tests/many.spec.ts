// Several artifacts in one step: selected, deleted, brought back, deleted for good; and a repository by its name. With script and without.
import { type Page, expect, test } from '@playwright/test';
import { look } from '../support/look';
import { call, signIn } from '../support/seed';
import { Clients, PASSWORD, Wharf } from '../support/wharf';

async function journey(page: Page): Promise<void> {
  const [wharf, clients] = [await Wharf.start(), new Clients()];
  try {
    await call(wharf, 'POST', '/projects', { project_name: 'cargo' });
    clients.login(wharf.host, 'admin', PASSWORD);
    const digests = ['1', '2', '3'].map((tag) => clients.push(wharf.host, `cargo/ship:${tag}`, tag));
    expect(new Set(digests).size).toBe(3);
    clients.sign(`${wharf.host}/cargo/ship@${digests[0]}`);
    await signIn(page, wharf);

    // Nothing is ticked: it says so, and nothing is gone.
    await page.goto(`${wharf.url}/projects/cargo/repositories/ship`);
    await page.getByRole('button', { name: 'Delete selected' }).click();
    await expect(page.getByText('Nothing is selected')).toBeVisible();
    await page.getByRole('link', { name: 'Back', exact: true }).click();

    for (const digest of digests.slice(0, 2)) {
      await page.getByRole('checkbox', { name: new RegExp(`^Select .*${digest.slice(7, 15)}`) }).check();
    }
    await look(page, 'many-selected');
    await page.getByRole('button', { name: 'Delete selected' }).click();
    await expect(page.getByRole('heading', { level: 1, name: 'Delete 2 artifacts?' })).toBeVisible();
    await expect(page.getByText(/with \d+ more artifact/)).not.toHaveCount(0);
    await look(page, 'many-before');
    await page.getByRole('button', { name: 'Delete artifacts' }).click();
    await expect(page.getByRole('status')).toContainText('deleted');
    expect(() => clients.verify(`${wharf.host}/cargo/ship@${digests[0]}`)).toThrow();
    expect(clients.crane('digest', `${wharf.host}/cargo/ship:3`)).toBe(digests[2]);

    // Both come back in one step, with their signatures.
    await page.goto(`${wharf.url}/projects/cargo/deleted`);
    await expect(page.getByRole('checkbox', { name: /^Select ship/ })).toHaveCount(2);
    for (const box of await page.getByRole('checkbox', { name: /^Select ship/ }).all()) await box.check();
    await look(page, 'many-deleted');
    await page.getByRole('button', { name: 'Undo selected' }).click();
    await expect(page.getByRole('status')).toContainText('2 deletions were undone.');
    clients.verify(`${wharf.host}/cargo/ship:1`);
    expect(clients.crane('digest', `${wharf.host}/cargo/ship:2`)).toBe(digests[1]);

    // Deleted again, and then for good: asked once for both.
    await page.goto(`${wharf.url}/projects/cargo/repositories/ship`);
    for (const digest of digests.slice(0, 2)) {
      await page.getByRole('checkbox', { name: new RegExp(`^Select .*${digest.slice(7, 15)}`) }).check();
    }
    await page.getByRole('button', { name: 'Delete selected' }).click();
    await page.getByRole('button', { name: 'Delete artifacts' }).click();
    await expect(page.getByRole('status')).toContainText('deleted');
    await page.goto(`${wharf.url}/projects/cargo/deleted`);
    for (const box of await page.getByRole('checkbox', { name: /^Select ship/ }).all()) await box.check();
    await page.getByRole('button', { name: 'Delete selected for good' }).click();
    await expect(page.getByRole('heading', { level: 1, name: 'Delete 2 for good?' })).toBeVisible();
    await look(page, 'many-purge');
    await page.getByRole('button', { name: 'Delete for good', exact: true }).click();
    await expect(page.getByText('Nothing to bring back')).toBeVisible();

    // A repository goes by its name only, and comes back whole.
    await page.goto(`${wharf.url}/projects/cargo/repositories/ship/delete`);
    await look(page, 'repository-before');
    await page.getByRole('textbox', { name: /name/ }).fill('shop');
    await page.getByRole('button', { name: 'Delete repository' }).click();
    await expect(page.getByRole('heading', { level: 1, name: /^Delete / })).toBeVisible();
    expect(clients.crane('digest', `${wharf.host}/cargo/ship:3`)).toBe(digests[2]);
    await page.getByRole('textbox', { name: /name/ }).fill('ship');
    await page.getByRole('button', { name: 'Delete repository' }).click();
    await expect(page.getByRole('status')).toContainText('ship');
    expect(() => clients.crane('digest', `${wharf.host}/cargo/ship:3`)).toThrow();
    await page.goto(`${wharf.url}/projects/cargo/deleted`);
    await page.getByRole('button', { name: /^Undo/ }).first().click();
    await expect(page.getByRole('status')).toContainText('is back');
    expect(clients.crane('digest', `${wharf.host}/cargo/ship:3`)).toBe(digests[2]);
  } finally {
    await wharf.stop();
    clients.clean();
  }
}

test('many at once, with script', async ({ page }) => {
  await journey(page);
});

test.describe('without script', () => {
  test.use({ javaScriptEnabled: false });
  test('many at once, without script', async ({ page }) => {
    await journey(page);
  });
});
