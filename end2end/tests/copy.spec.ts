// Copying over plain HTTP, where browsers give pages no clipboard.
import { expect, test } from '@playwright/test';
import { awake, call, signIn } from '../support/seed';
import { Wharf } from '../support/wharf';

// A name that is not this machine's: only then is plain HTTP no secure context.
test.use({ launchOptions: { args: ['--headless', '--no-sandbox', '--disable-gpu', '--host-resolver-rules=MAP wharf.test 127.0.0.1'],
  ...(process.env.CHROMIUM ? { executablePath: process.env.CHROMIUM } : { executablePath: '/usr/bin/chromium' }) } });

test('copying works over plain HTTP, under a name that is not this machine', async ({ page }) => {
  const wharf = await Wharf.start('wharf.test');
  try {
    await signIn(page, wharf);
    await call(wharf, 'POST', '/projects', { project_name: 'cargo' });
    await page.goto(`${wharf.url}/projects/cargo`);
    await awake(page);
    expect(await page.evaluate(() => window.isSecureContext)).toBe(false);
    await page.getByRole('button', { name: 'Copy command' }).nth(2).click();
    await expect(page.getByRole('status')).toContainText('Copied: command');
    await page.goto(`${wharf.url}/projects`);
    await page.getByRole('searchbox').focus();
    await page.keyboard.press('ControlOrMeta+v');
    await expect(page.getByRole('searchbox')).toHaveValue(`docker push ${wharf.host}/cargo/NAME:1.0`);
  } finally {
    await wharf.stop();
  }
});
