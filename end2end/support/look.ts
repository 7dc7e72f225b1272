// Pictures of every page, light and dark, wide and narrow. Not committed: they are to be looked at.
import type { Page } from '@playwright/test';

export async function look(page: Page, name: string): Promise<void> {
  if (!process.env.WHARF_TEST_SHOTS) return;
  for (const [width, height, size] of [[1280, 800, 'wide'], [390, 844, 'narrow']] as const) {
    for (const scheme of ['light', 'dark'] as const) {
      await page.setViewportSize({ width, height });
      await page.emulateMedia({ colorScheme: scheme });
      await page.screenshot({ path: `shots/${name}-${size}-${scheme}.png`, fullPage: true });
    }
  }
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.emulateMedia({ colorScheme: 'light' });
}
