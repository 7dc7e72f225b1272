// A signed image is deleted, found under Deleted, and brought back with its signature; with script and without.
import { type Page, expect, test } from '@playwright/test';
import { look } from '../support/look';
import { Clients, PASSWORD, Wharf } from '../support/wharf';

async function journey(page: Page): Promise<void> {
  const [wharf, clients] = [await Wharf.start(), new Clients()];
  try {
    await page.goto(`${wharf.url}/sign-in`);
    await page.getByLabel('User name').fill('admin');
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await expect(page).toHaveURL(`${wharf.url}/projects`);
    await page.getByRole('main').getByRole('link', { name: 'New project' }).first().click();
    await page.getByLabel('Name').fill('cargo');
    await page.getByRole('button', { name: 'Create project' }).click();
    await expect(page.getByRole('heading', { level: 1, name: 'cargo' })).toBeVisible();

    clients.login(wharf.host, 'admin', PASSWORD);
    const digest = clients.push(wharf.host, 'cargo/ship:1');
    clients.crane('copy', `${wharf.host}/cargo/ship:1`, `${wharf.host}/cargo/boat:1`);
    clients.sign(`${wharf.host}/cargo/ship@${digest}`);

    // What lies where: the two repositories share their bytes.
    await page.goto(`${wharf.url}/projects/cargo`);
    await expect(page.getByText(/stored; .* without sharing/)).toBeVisible();
    await expect(page.getByRole('columnheader', { name: /Stored/ })).toBeVisible();
    await look(page, 'storage');

    await page.goto(`${wharf.url}/projects/cargo/repositories/ship/artifacts/${digest}/delete`);
    await expect(page.getByText('It can be brought back for 7 days under Deleted.')).toBeVisible();
    await look(page, 'deleted-before');
    await page.getByRole('button', { name: 'Delete artifact' }).click();
    await expect(page.getByRole('status')).toContainText('Undo it under Deleted');
    expect(() => clients.verify(`${wharf.host}/cargo/ship@${digest}`)).toThrow();

    await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Deleted' }).click();
    const row = page.getByRole('row', { name: /ship/ });
    await expect(row).toContainText('that went along');
    await look(page, 'deleted');
    await row.getByRole('button', { name: /^Undo/ }).click();
    await expect(page.getByRole('status')).toContainText('is back with');
    await expect(page).toHaveURL(`${wharf.url}/projects/cargo/repositories/ship/artifacts/${digest}`);
    await expect(page.getByText('Signed by cosign').first()).toBeVisible();
    await look(page, 'deleted-back');
    clients.verify(`${wharf.host}/cargo/ship:1`);

    // Copied within the server, it brings its tag and its signature along.
    await page.getByRole('link', { name: 'Copy…' }).click();
    await page.getByLabel('To the repository').fill('no-such/place');
    await page.getByRole('button', { name: 'Copy artifact' }).click();
    await expect(page.getByText('no-such').last()).toBeVisible();
    await page.getByLabel('To the repository').fill('cargo/fleet/ship');
    await look(page, 'copy');
    await page.getByRole('button', { name: 'Copy artifact' }).click();
    await expect(page.getByRole('status')).toContainText('It was copied from cargo/ship');
    await expect(page.getByText('Signed by cosign').first()).toBeVisible();
    clients.verify(`${wharf.host}/cargo/fleet/ship:1`);

    await page.goto(`${wharf.url}/projects/cargo/deleted`);
    await expect(page.getByText('Nothing to bring back')).toBeVisible();
    await look(page, 'deleted-empty');
  } finally {
    await wharf.stop();
    clients.clean();
  }
}

test('a deletion is undone, with script', async ({ page }) => {
  await journey(page);
});

test.describe('without script', () => {
  test.use({ javaScriptEnabled: false });
  test('a deletion is undone, without script', async ({ page }) => {
    await journey(page);
  });
});
