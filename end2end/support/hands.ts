// How a person works a page: with the mouse, or with the keyboard alone. Tests find things by role and name.
import { type Locator, type Page, expect } from '@playwright/test';

export interface Hands {
  click(thing: Locator): Promise<void>;
  fill(field: Locator, text: string): Promise<void>;
  tick(box: Locator): Promise<void>;
  choose(field: Locator, label: string): Promise<void>;
}

export class Mouse implements Hands {
  click(thing: Locator): Promise<void> {
    return thing.click();
  }
  fill(field: Locator, text: string): Promise<void> {
    return field.fill(text);
  }
  tick(box: Locator): Promise<void> {
    return box.check();
  }
  async choose(field: Locator, label: string): Promise<void> {
    await field.selectOption({ label });
  }
}

export class Keyboard implements Hands {
  constructor(private page: Page) {}

  /** Tab until the thing has the focus: what cannot be reached that way fails. */
  private async reach(thing: Locator): Promise<void> {
    await expect(thing).toBeVisible();
    for (let n = 0; n < 300; n += 1) {
      if (await thing.evaluate((element) => element === document.activeElement)) return;
      await this.page.keyboard.press('Tab');
    }
    throw new Error(`${thing} cannot be reached with the keyboard`);
  }

  async click(thing: Locator): Promise<void> {
    await this.reach(thing);
    await this.page.keyboard.press('Enter');
  }
  async fill(field: Locator, text: string): Promise<void> {
    await this.reach(field);
    await this.page.keyboard.press('ControlOrMeta+a');
    await this.page.keyboard.type(text);
  }
  async tick(box: Locator): Promise<void> {
    if (await box.isChecked()) return;
    await this.reach(box);
    await this.page.keyboard.press('Space');
    await expect(box).toBeChecked();
  }
  async choose(field: Locator, label: string): Promise<void> {
    await this.reach(field);
    await this.page.keyboard.type(label);
  }
}
