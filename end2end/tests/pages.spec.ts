// Every page: no violation that axe finds, no console message, nothing that moves, and no link that leads nowhere.
import AxeBuilder from '@axe-core/playwright';
import { type Page, expect, test } from '@playwright/test';
import { awake, everyPage, signIn } from '../support/seed';
import { look } from '../support/look';
import { Clients, Wharf } from '../support/wharf';

/** How far what is seen has moved since the page began ("Layout Instability", WICG). */
async function shift(page: Page): Promise<number> {
  return page.evaluate(() => new Promise<number>((resolve) => {
    let sum = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as (PerformanceEntry & { value: number })[]) sum += entry.value;
    }).observe({ type: 'layout-shift', buffered: true });
    // Two frames: what the observer holds has been told.
    requestAnimationFrame(() => requestAnimationFrame(() => resolve(sum)));
  }));
}

/** Tables whose last columns one has to scroll to: the name of each, and how much is out of sight. */
async function cutOff(page: Page): Promise<string[]> {
  return page.evaluate(() => [...document.querySelectorAll('.scroll')]
    .filter((box) => box.scrollWidth > box.clientWidth)
    .map((box) => `${box.textContent!.slice(0, 40)}: ${box.scrollWidth - box.clientWidth}`));
}

test('every page is sound', async ({ page }) => {
  test.setTimeout(600_000);
  const [wharf, clients] = [await Wharf.start(), new Clients()];
  const wrong: string[] = [];
  page.on('console', (message) => wrong.push(`${page.url()}: ${message.text()}`));
  page.on('pageerror', (error) => wrong.push(`${page.url()}: ${error}`));
  try {
    const pages = await everyPage(wharf, clients);
    const shown = async (path: string) => {
      // Chromium itself writes a line for a page that is not there.
      const before = wrong.length;
      const response = await page.goto(`${wharf.url}${path}`);
      await awake(page);
      if (path === '/nothing-here') wrong.length = before;
      expect(response!.status(), path).toBe(path === '/nothing-here' ? 404 : 200);
      expect(await shift(page), `${path} moves`).toBe(0);
    };
    await shown('/sign-in');
    await signIn(page, wharf);
    for (const path of pages) {
      await shown(path);
      await look(page, `page${path.replace(/sha256:\w+/g, 'digest').replace(/\W+/g, '-')}`);
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        const found = await new AxeBuilder({ page }).analyze();
        const violations = found.violations.map((v) => `${v.id}: ${v.nodes.map((node) => node.html).join(' | ')}`);
        expect(violations, `${path}, ${colorScheme}`).toEqual([]);
      }
      await page.emulateMedia({ colorScheme: 'light' });
      expect(await cutOff(page), `${path}, wide, cuts off`).toEqual([]);
      // On a phone nothing sticks out, and the menu opens.
      await page.setViewportSize({ width: 390, height: 844 });
      expect(await page.evaluate(() => document.documentElement.scrollWidth), `${path} is too wide`).toBeLessThanOrEqual(390);
      expect(await cutOff(page), `${path}, narrow, cuts off`).toEqual([]);
      await page.setViewportSize({ width: 1280, height: 800 });
    }
    expect(wrong).toEqual([]);
  } finally {
    await wharf.stop();
    clients.clean();
  }
});

test('on a phone the menu is a layer of the page, without script too', async ({ browser }) => {
  const wharf = await Wharf.start();
  const context = await browser.newContext({ javaScriptEnabled: false, viewport: { width: 390, height: 844 } });
  const page = await context.newPage();
  try {
    await signIn(page, wharf);
    const menu = page.getByRole('navigation', { name: 'Main' });
    await expect(menu).toBeHidden();
    await page.getByRole('button', { name: 'Menu' }).click();
    await expect(menu).toBeVisible();
    await menu.getByRole('link', { name: 'Users' }).click();
    await expect(page).toHaveURL(`${wharf.url}/admin/users`);
    await expect(menu).toBeHidden();
  } finally {
    await context.close();
    await wharf.stop();
  }
});
