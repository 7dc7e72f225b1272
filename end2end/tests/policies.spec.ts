// The story of each policy, by clicks, with a signed image and real clients; with script and without.
import { type Page, expect, test } from '@playwright/test';
import { look } from '../support/look';
import { call, signIn } from '../support/seed';
import { Clients, PASSWORD, Wharf } from '../support/wharf';

/** What a client says that is refused. */
function refusal(tried: () => unknown): string {
  try {
    tried();
  } catch (error) {
    return String((error as { stderr?: string }).stderr ?? error);
  }
  throw new Error('it was not refused');
}

async function journey(page: Page): Promise<void> {
  const [wharf, clients] = [await Wharf.start(), new Clients()];
  try {
    await call(wharf, 'POST', '/projects', { project_name: 'cargo' });
    clients.login(wharf.host, 'admin', PASSWORD);
    const name = `${wharf.host}/cargo/ship`;
    const digest = clients.push(wharf.host, 'cargo/ship:v1', 'one');
    clients.sign(`${name}@${digest}`);
    const old = clients.push(wharf.host, 'cargo/ship:old', 'old');
    clients.sign(`${name}@${old}`);
    const artifact = (of: string) => `${wharf.url}/projects/cargo/repositories/ship/artifacts/${of}`;
    const open = async (entry: string) => {
      await page.goto(`${wharf.url}/projects/cargo`);
      await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: entry, exact: true }).first().click();
      await expect(page.getByRole('heading', { level: 1, name: entry })).toBeVisible();
    };
    const succeeded = async () => {
      await expect(page.getByRole('heading', { level: 1, name: /^Run \d+/ })).toBeVisible();
      await expect.poll(async () => { await page.reload(); return page.getByRole('main').innerText(); }).toMatch(/Succeeded/);
    };
    await signIn(page, wharf);

    // Immutable: the tag is neither moved nor deleted by anybody, and signing goes on.
    await open('Policy');
    await page.locator('#immutable').getByRole('link', { name: 'New rule' }).click();
    await page.getByLabel('the tag pattern').fill('v*');
    await page.getByRole('button', { name: 'Save rule' }).click();
    await expect(page.getByRole('status')).toContainText('The rule was saved.');
    expect(refusal(() => clients.push(wharf.host, 'cargo/ship:v1', 'another'))).toMatch(/immutable/);
    await page.goto(`${artifact(digest)}/delete`);
    await expect(page.getByRole('main')).toContainText(/immutable/);
    clients.sign(`${name}@${digest}`);
    clients.verify(`${name}:v1`);

    // A label, put on by clicks; what carries it stays.
    await open('Labels');
    await page.getByRole('link', { name: 'New label' }).first().click();
    await page.getByLabel('Name').fill('stable');
    await page.getByRole('button', { name: 'Save label' }).click();
    await expect(page.getByRole('heading', { level: 1, name: 'Labels' })).toBeVisible();
    await page.goto(artifact(digest));
    await page.getByRole('combobox', { name: 'Label' }).selectOption({ label: 'stable' });
    await page.getByRole('button', { name: 'Put on' }).click();
    await expect(page.getByRole('button', { name: /Take off/ })).toBeVisible();

    // Retention: by the label; a look ahead, a dry run, and a run whose trees come back.
    await open('Policy');
    await page.locator('#retention').getByRole('link', { name: 'New rule' }).click();
    await page.getByLabel('keep', { exact: true }).selectOption('always');
    await page.getByLabel('only those with the labels').fill('stabel');
    await page.getByLabel('Artifacts that no rule takes').selectOption('remove');
    await page.getByRole('button', { name: 'Save rule' }).click();
    await expect(page.locator('#label-problem')).toContainText('stabel is neither a label of this project nor one for all');
    await page.getByLabel('only those with the labels').fill('stable');
    await page.getByRole('button', { name: 'Show what would go' }).click();
    await expect(page.locator('#preview')).toContainText(/1 artifact would be removed now; 1 kept by a rule/);
    await look(page, 'retention-by-label');
    await page.getByRole('button', { name: 'Save rule' }).click();
    await expect(page.locator('#retention')).toContainText('keep all artifacts, labelled stable');
    await page.getByRole('button', { name: 'Dry run' }).click();
    await succeeded();
    clients.verify(`${name}:old`);
    await open('Policy');
    await page.getByRole('link', { name: 'Run now…' }).click();
    await expect(page.getByRole('main')).toContainText('It can be brought back for 7 days under Deleted.');
    await page.getByRole('button', { name: 'Remove' }).click();
    await succeeded();
    refusal(() => clients.verify(`${name}:old`));
    clients.verify(`${name}:v1`);
    await open('Deleted');
    await page.getByRole('row', { name: /ship/ }).first().getByRole('button', { name: /^Undo/ }).click();
    await expect(page.getByRole('status')).toContainText('is back with');
    clients.verify(`${name}:old`);

    // A quota: what is full takes signatures and nothing else.
    await open('Storage');
    await page.getByLabel('How much it may hold').fill('1 B');
    await page.getByRole('button', { name: 'Save limit' }).click();
    await expect(page.getByText(/is full: pushes that bring anything new are refused/)).toBeVisible();
    expect(refusal(() => clients.push(wharf.host, 'cargo/ship:more', 'more'))).toMatch(/project cargo is full/);
    clients.sign(`${name}@${old}`);
    await look(page, 'quota-full');
    await page.getByLabel('How much it may hold').fill('');
    await page.getByRole('button', { name: 'Save limit' }).click();
    await expect(page.getByText(/is full/)).toHaveCount(0);
    clients.push(wharf.host, 'cargo/ship:more', 'more');

    // An incident: nobody is served it, and the client reads why.
    await page.goto(artifact(old));
    await page.getByRole('link', { name: 'Block…' }).click();
    await page.getByLabel('Reason').fill('holds a leaked key');
    await page.getByRole('button', { name: 'Block it' }).click();
    await expect(page.getByRole('main')).toContainText('Blocked: nobody is served it');
    expect(refusal(() => clients.crane('manifest', `${name}:old`))).toMatch(/holds a leaked key/);
    await look(page, 'blocked');
    await page.getByRole('button', { name: 'Lift the block' }).click();
    await expect(page.getByRole('status')).toContainText('The block was lifted.');
    clients.verify(`${name}:old`);

    // All of it is told.
    await open('Log');
    for (const told of ['rule of immutable tags', 'retention', 'block', 'label']) {
      await expect(page.getByRole('main')).toContainText(told);
    }
    await open('Activity');
    await expect(page.getByRole('img', { name: /^Pushes: .* pushed/ })).toBeVisible();
  } finally {
    await wharf.stop();
    clients.clean();
  }
}

test('each policy keeps its word, with script', async ({ page }) => {
  test.slow();
  await journey(page);
});

test.describe('without script', () => {
  test.use({ javaScriptEnabled: false });
  test('each policy keeps its word, without script', async ({ page }) => {
    test.slow();
    await journey(page);
  });
});
