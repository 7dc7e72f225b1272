// Garbage collection by browser, with script and without.
import { type Page, expect, test } from '@playwright/test';
import { look } from '../support/look';
import { PASSWORD, Wharf } from '../support/wharf';

async function journey(page: Page): Promise<void> {
  const wharf = await Wharf.start();
  try {
    await page.goto(`${wharf.url}/sign-in`);
    await page.getByLabel('User name').fill('admin');
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await expect(page).toHaveURL(`${wharf.url}/projects`);
    await page.getByRole('link', { name: 'Garbage collection' }).first().click();
    await expect(page.getByRole('heading', { level: 1, name: 'Garbage collection' })).toBeVisible();
    await look(page, 'garbage-first');
    await page.getByRole('button', { name: 'Dry run' }).click();
    await expect(page).toHaveURL(new RegExp(`${wharf.url}/admin/garbage/\\d+$`));
    // Without script the page is a snapshot with a link that asks again.
    await expect(async () => {
      const refresh = page.getByRole('link', { name: 'Refresh' });
      if (await refresh.isVisible()) await refresh.click();
      await expect(page.getByText('Succeeded')).toBeVisible({ timeout: 1000 });
    }).toPass();
    await expect(page.getByText('0 blobs would be deleted, 0 B')).toBeVisible();
    await look(page, 'garbage-show');
    await page.getByRole('navigation', { name: 'Where you are' }).getByRole('link', { name: 'Garbage collection' }).click();
    await expect(page.getByRole('row', { name: /Dry run/ })).toBeVisible();
    await page.getByLabel('Schedule').selectOption({ label: 'By a cron pattern' });
    await page.getByLabel('Cron pattern').fill('every day');
    await page.getByRole('button', { name: 'Save schedule' }).click();
    await expect(page.getByRole('alert').first()).toContainText('six fields');
    await page.getByLabel('Cron pattern').fill('0 30 3 * * *');
    await page.getByRole('button', { name: 'Save schedule' }).click();
    await expect(page.getByText('The schedule was saved.')).toBeVisible();
    await expect(page.getByText(/The next one is due/)).toBeVisible();
    await expect(page.getByLabel('Schedule')).toHaveValue('custom');
    await page.getByRole('searchbox', { name: 'Digest of a blob' }).fill(`sha256:${'0'.repeat(64)}`);
    await page.getByRole('button', { name: 'Ask' }).click();
    await expect(page.getByRole('alert')).toContainText('was not found');
    await look(page, 'garbage-why');
  } finally {
    await wharf.stop();
  }
}

test('garbage collection, with script', async ({ page }) => {
  await journey(page);
});

test.describe('without script', () => {
  test.use({ javaScriptEnabled: false });
  test('garbage collection, without script', async ({ page }) => {
    await journey(page);
  });
});
