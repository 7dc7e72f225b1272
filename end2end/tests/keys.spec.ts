// The keys of every page, and the same places without script.
import { expect, test } from '@playwright/test';
import { look } from '../support/look';
import { awake } from '../support/seed';
import { PASSWORD, Wharf } from '../support/wharf';

let wharf: Wharf;

test.beforeEach(async ({ page }) => {
  wharf = await Wharf.start();
  await page.goto(`${wharf.url}/sign-in`);
  await page.getByLabel('User name').fill('admin');
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page).toHaveURL(`${wharf.url}/projects`);
  await page.goto(`${wharf.url}/projects/new`);
  await page.getByLabel('Name').fill('cargo');
  await page.getByRole('button', { name: 'Create project' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'cargo' })).toBeVisible();
});

test.afterEach(async () => {
  await wharf.stop();
});

test('with script: Ctrl K jumps, / filters, ? lists the keys', async ({ page }) => {
  const dialog = page.getByRole('dialog', { name: 'Jump to' });
  // Keys are heard once the page has come alive.
  await expect(async () => {
    await page.keyboard.press('Control+k');
    await expect(dialog).toBeVisible({ timeout: 1000 });
  }).toPass();
  await expect(dialog.getByRole('link', { name: 'Robot accounts' }).first()).toBeVisible();
  await look(page, 'jump-dialog');
  await page.keyboard.type('carg');
  await expect(dialog.getByRole('link')).toHaveText(['cargoProject']);
  await page.keyboard.press('Escape');
  await expect(dialog).toBeHidden();
  await page.keyboard.press('Control+k');
  await page.keyboard.press('Control+a');
  await page.keyboard.type('users');
  await expect(dialog.getByRole('link')).toHaveText(['UsersPage']);
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(`${wharf.url}/admin/users`);
  await expect(dialog).toBeHidden();
  await expect(page.getByRole('heading', { level: 1, name: 'Users' })).toBeVisible();
  await awake(page);
  await page.keyboard.press('/');
  await expect(page.getByRole('searchbox', { name: 'Search by name' })).toBeFocused();
  // In a field these are letters.
  await page.keyboard.type('?/');
  await expect(page.getByRole('searchbox', { name: 'Search by name' })).toHaveValue('?/');
  await page.getByRole('heading', { level: 1 }).click();
  await page.keyboard.press('?');
  const keys = page.getByRole('dialog', { name: 'Keys' });
  await expect(keys).toBeVisible();
  await look(page, 'keys');
  await page.keyboard.press('Escape');
  await expect(keys).toBeHidden();
});

test.describe('without script', () => {
  test.use({ javaScriptEnabled: false });
  test('the link in the top bar leads to the same places', async ({ page }) => {
    await page.getByRole('link', { name: 'Jump to' }).click();
    await expect(page).toHaveURL(`${wharf.url}/jump`);
    await look(page, 'jump-page');
    await page.getByRole('searchbox', { name: 'Part of a name' }).fill('cargo');
    await page.getByRole('button', { name: 'Search' }).click();
    await page.getByRole('main').getByRole('link', { name: 'cargo' }).click();
    await expect(page).toHaveURL(`${wharf.url}/projects/cargo`);
  });
});
