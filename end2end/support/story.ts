// The founding story, steps 2 to 10, through the portal of two servers with real skopeo, crane and cosign in between.
import { type Page, expect } from '@playwright/test';
import type { Hands } from './hands';
import { look } from './look';
import { Clients, PASSWORD, Wharf } from './wharf';

const field = (page: Page, label: string) => page.getByLabel(label, { exact: false }).first();
const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });
const link = (page: Page, name: string) => page.getByRole('main').getByRole('link', { name, exact: true });

async function signIn(page: Page, hands: Hands, server: Wharf, name: string): Promise<void> {
  await page.goto(`${server.url}/sign-in`);
  await hands.fill(field(page, 'User name'), name);
  await hands.fill(page.locator('#password'), PASSWORD);
  await hands.click(button(page, 'Sign in'));
  await expect(page).toHaveURL(`${server.url}/projects`);
}

async function newProject(page: Page, hands: Hands, server: Wharf): Promise<void> {
  await page.goto(`${server.url}/projects`);
  await look(page, 'projects-empty');
  await hands.click(link(page, 'New project').first());
  await hands.fill(field(page, 'Name'), 'cosign');
  await look(page, 'project-new');
  await hands.click(button(page, 'Create project'));
  await expect(page.getByRole('heading', { level: 1, name: 'cosign' })).toBeVisible();
  await look(page, 'project-empty');
}

export async function story(page: Page, hands: Hands): Promise<void> {
  const clients = new Clients();
  const [first, second] = [await Wharf.start(), await Wharf.start('localhost')];
  try {
    // 2: a project whose images must be signed
    await signIn(page, hands, first, 'admin');
    await newProject(page, hands, first);
    await page.goto(`${first.url}/projects/cosign/settings`);
    await hands.tick(page.getByRole('checkbox', { name: /only signed images/ }));
    await look(page, 'project-settings');
    await hands.click(button(page, 'Save configuration'));
    await expect(page.getByText('The configuration was saved.')).toBeVisible();

    // 3: a user, made a member
    await page.goto(`${first.url}/admin/users`);
    await look(page, 'users');
    await hands.click(link(page, 'New user'));
    await hands.fill(field(page, 'User name'), 'cosign-demo');
    await hands.fill(field(page, 'Email'), 'cosign-demo@example.com');
    await hands.fill(field(page, 'Full name'), 'Cosign Demo');
    await hands.fill(page.locator('#password'), PASSWORD);
    await hands.fill(page.locator('#again'), PASSWORD);
    await look(page, 'user-new');
    await hands.click(button(page, 'Create user'));
    await expect(page.getByText('User cosign-demo was created.')).toBeVisible();
    await page.goto(`${first.url}/projects/cosign/members`);
    await hands.click(link(page, 'Add member'));
    await hands.fill(field(page, 'User name'), 'cosign-demo');
    await look(page, 'member-new');
    await hands.click(button(page, 'Add member'));
    await expect(page.getByText('cosign-demo is a member now.')).toBeVisible();
    await look(page, 'members');

    // 4: on the second server a project and a robot, whose secret is shown once
    await signIn(page, hands, second, 'admin');
    await newProject(page, hands, second);
    await page.goto(`${second.url}/admin/robots`);
    await hands.click(link(page, 'New robot account'));
    await hands.click(link(page, 'Replication target'));
    await expect(page.getByRole('checkbox', { name: 'repository:push in All projects' })).toBeChecked();
    await hands.fill(field(page, 'Name'), 'replication');
    await look(page, 'robot-new');
    await hands.click(button(page, 'Create robot account'));
    const secret = await page.locator('#secret').innerText();
    expect(secret).toMatch(/^wharf_[A-Za-z0-9_-]{43}$/);
    await look(page, 'robot-secret');
    await hands.click(link(page, 'Done, I have stored it'));
    await expect(page.getByRole('heading', { name: 'Robot accounts' })).toBeVisible();
    expect(await page.content()).not.toContain(secret);
    await look(page, 'robots');

    // 5: on the first the second as a target registry, tested in place
    await page.goto(`${first.url}/admin/registries/new`);
    await hands.fill(field(page, 'Name'), 'second');
    await hands.fill(field(page, 'URL'), second.url);
    await hands.fill(field(page, 'Access id'), 'robot$replication');
    await hands.fill(page.locator('#secret'), secret);
    await hands.click(button(page, 'Test connection'));
    await expect(page.getByRole('list', { name: 'What the test found' })).toContainText('as robot$replication');
    await look(page, 'target-new');
    // Without script the secret is not sent back to the page, so it is entered again.
    await hands.fill(page.locator('#secret'), secret);
    await hands.click(button(page, 'Create target registry'));
    await expect(page.getByText('Target registry second was created.')).toBeVisible();
    await look(page, 'targets');

    // 6: a rule that reads as a sentence
    await page.goto(`${first.url}/admin/replication/new`);
    await hands.fill(field(page, 'Name'), 'mirror');
    await hands.fill(field(page, 'repositories matching'), 'cosign/**');
    await hands.click(button(page, 'Show what it matches'));
    await expect(page.getByText('It matches nothing now.')).toBeVisible();
    await look(page, 'rule-new');
    await hands.click(button(page, 'Save replication rule'));
    await expect(page.getByRole('heading', { level: 1, name: 'mirror' })).toBeVisible();

    // 7: push, sign, verify with real clients, as the member
    clients.login(first.host, 'cosign-demo', PASSWORD);
    const digest = clients.push(first.host, 'cosign/pause:1');
    expect(() => clients.crane('manifest', `${first.host}/cosign/pause:1`)).toThrow(/admits only signed artifacts/);
    clients.sign(`${first.host}/cosign/pause@${digest}`);
    clients.verify(`${first.host}/cosign/pause:1`);

    // 8: one row, signed, with its tree
    await page.goto(`${first.url}/projects/cosign`);
    await hands.click(link(page, 'pause'));
    await expect(page.getByRole('row').filter({ hasText: 'Signed by cosign' })).toHaveCount(1);
    await look(page, 'artifacts');
    await hands.click(page.getByRole('button', { name: /^Show accessories/ }));
    await expect(page.getByRole('row').filter({ hasText: 'Cosign signature' })).toHaveCount(2);
    await look(page, 'artifacts-open');
    await page.goto(`${first.url}/projects/cosign/repositories/pause/artifacts/${digest}`);
    await expect(page.getByRole('button', { name: 'Replicate by mirror to second' })).toBeVisible();
    await look(page, 'artifact');
    await page.goto(`${first.url}/projects/cosign/repositories/pause/artifacts/${digest}/delete`);
    await expect(page.getByText('Cosign signature').first()).toBeVisible();
    await look(page, 'artifact-delete');

    // 9: replicate, and watch
    await page.goto(`${first.url}/admin/replication`);
    await look(page, 'rules');
    await hands.click(page.getByRole('button', { name: 'Replicate by mirror' }));
    await expect(page.getByRole('heading', { level: 1, name: /^Execution/ })).toBeVisible();
    await expect(async () => {
      await page.reload();
      await expect(page.getByText('Succeeded').first()).toBeVisible({ timeout: 1000 });
    }).toPass();
    await expect(page.getByRole('row').filter({ hasText: 'cosign/pause → cosign/pause' })).toContainText('Copied');
    await look(page, 'execution');
    await hands.click(link(page, 'cosign/pause → cosign/pause'));
    await expect(page.getByText('tag 1 set')).toBeVisible();
    await look(page, 'task');

    // 10: the same digest with the same tree on the second
    await page.goto(`${second.url}/projects/cosign/repositories/pause?open=${digest}`);
    await expect(page.getByRole('row').filter({ hasText: 'Cosign signature' })).toHaveCount(2);
    clients.login(second.host, 'admin', PASSWORD);
    expect(clients.crane('digest', `${second.host}/cosign/pause:1`)).toBe(digest);
    clients.verify(`${second.host}/cosign/pause:1`);
  } finally {
    await first.stop();
    await second.stop();
    clients.clean();
  }
}
