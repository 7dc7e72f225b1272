import { test } from '@playwright/test';
import { Keyboard, Mouse } from '../support/hands';
import { story } from '../support/story';

test('the story, with script', async ({ page }) => {
  const wrong: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') wrong.push(message.text());
  });
  page.on('pageerror', (error) => wrong.push(String(error)));
  await story(page, new Mouse());
  // No policy violation, no failed script, no panic on the way.
  if (wrong.length > 0) throw new Error(wrong.join('\n'));
});

test.describe('without script', () => {
  test.use({ javaScriptEnabled: false });
  test('the story, without script', async ({ page }) => {
    await story(page, new Mouse());
  });
});

test('the story, with the keyboard only', async ({ page }) => {
  await story(page, new Keyboard(page));
});
