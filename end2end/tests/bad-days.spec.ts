// What can go wrong between a page and its server, as a person meets it.
import { type Page, type Route, expect, test } from '@playwright/test';
import { awake, call, signIn } from '../support/seed';
import { PASSWORD, Wharf } from '../support/wharf';

let wharf: Wharf;

test.beforeEach(async ({ page }) => {
  wharf = await Wharf.start();
  await signIn(page, wharf);
});

test.afterEach(async () => {
  await wharf.stop();
});

async function makeProject(page: Page, name: string): Promise<void> {
  await page.goto(`${wharf.url}/projects/new`);
  await page.getByLabel('Name').fill(name);
  await page.getByRole('button', { name: 'Create project' }).click();
  await expect(page.getByRole('heading', { level: 1, name })).toBeVisible();
  await expect(page.getByRole('status')).toContainText(`Project ${name} was created.`);
}

// The script is blocked, half loaded, or does not compile: every page works, and nothing is thrown.
const broken: Record<string, [RegExp, (route: Route) => Promise<void>]> = {
  'the script is blocked': [/wharf\.js$/, (route) => route.abort('blockedbyclient')],
  'the script is cut off': [/wharf\.js$/, async (route) => {
    const whole = await (await route.fetch()).text();
    await route.fulfill({ contentType: 'text/javascript', body: whole.slice(0, whole.length / 2) });
  }],
  'the wasm is blocked': [/\.wasm$/, (route) => route.abort('blockedbyclient')],
  'the wasm is cut off': [/\.wasm$/, async (route) => {
    const whole = await (await route.fetch()).body();
    await route.fulfill({ contentType: 'application/wasm', body: whole.subarray(0, whole.length / 2) });
  }],
  'the wasm is a web page': [/\.wasm$/, (route) => route.fulfill({ contentType: 'text/html', body: '<h1>Blocked</h1>' })],
};
for (const [name, [files, instead]] of Object.entries(broken)) {
  test(name, async ({ page }) => {
    const thrown: string[] = [];
    page.on('pageerror', (error) => thrown.push(String(error)));
    await page.route(files, instead);
    await makeProject(page, 'fine');
    await page.goto(`${wharf.url}/projects/new`);
    await page.getByLabel('Name').fill('fine');
    await page.getByRole('button', { name: 'Create project' }).click();
    await expect(page.getByRole('alert')).toContainText('fine');
    await expect(page.getByLabel('Name')).toHaveValue('fine');
    await expect(page.locator('html[data-awake]')).not.toBeAttached();
    await expect(page.getByRole('button', { name: /^Copy/ })).toHaveCount(0);
    expect(thrown).toEqual([]);
  });
}

test('problems are shown in place: at their field, in the summary, with what was typed and the focus', async ({ page }) => {
  await makeProject(page, 'taken');
  await page.goto(`${wharf.url}/projects/new`);
  await awake(page);
  await page.evaluate(() => Object.assign(window, { same: true }));
  await page.getByLabel('Name').fill('taken');
  await page.getByLabel(/^Public/).check();
  await page.getByRole('button', { name: 'Create project' }).click();
  await expect(page.getByRole('alert').getByRole('link')).toHaveAttribute('href', '#name');
  const field = page.getByLabel('Name');
  await expect(field).toBeFocused();
  await expect(field).toHaveAttribute('aria-invalid', 'true');
  await expect(field).toHaveAccessibleDescription(/taken/);
  await expect(page.getByLabel(/^Public/)).toBeChecked();
  expect(await page.evaluate(() => 'same' in window)).toBe(true);
  await field.fill('free');
  await page.getByRole('button', { name: 'Create project' }).click();
  await expect(page).toHaveURL(`${wharf.url}/projects/free`);
});

test('an answer that is no page of ours is said at the form, and nothing is lost', async ({ page }) => {
  await page.goto(`${wharf.url}/admin/users/new`);
  await awake(page);
  await page.getByLabel('User name').fill('mate');
  await page.getByLabel('Email').fill('mate@example.com');
  await page.getByLabel('Full name').fill('First Mate');
  await page.locator('#password').fill(PASSWORD);
  await page.locator('#again').fill(PASSWORD);
  const send = page.getByRole('button', { name: 'Create user' });
  await page.route('**/fn/user/create*', (route) => route.fulfill({ status: 502, contentType: 'text/html', body: '<html><h1>Bad Gateway</h1></html>' }));
  await send.click();
  await expect(page.getByRole('alert')).toContainText('502');
  await page.unrouteAll();
  await page.route('**/fn/user/create*', (route) => route.abort('connectionrefused'));
  await send.click();
  await expect(page.getByRole('alert')).toContainText('could not be reached');
  await expect(page.getByRole('alert')).toHaveCount(1);
  await expect(page.locator('#password')).toHaveValue(PASSWORD);
  await page.unrouteAll();
  await send.click();
  await expect(page.getByText('User mate was created.')).toBeVisible();
});

test('a form sent twice is done once', async ({ page }) => {
  await page.goto(`${wharf.url}/projects/new`);
  await awake(page);
  let sent = 0;
  await page.route('**/fn/project/create*', async (route) => {
    sent += 1;
    await new Promise((resolve) => setTimeout(resolve, 300));
    await route.continue();
  });
  await page.getByLabel('Name').fill('once');
  const send = page.getByRole('button', { name: 'Create project' });
  await send.dblclick();
  await page.getByLabel('Name').press('Enter');
  await expect(send).toHaveAttribute('aria-busy', 'true');
  await expect(page.getByRole('heading', { level: 1, name: 'once' })).toBeVisible();
  expect(sent).toBe(1);
});

test.describe('sent twice, without script', () => {
  test.use({ javaScriptEnabled: false });
  test('a robot account made by a double click shows its one secret', async ({ page }) => {
    await page.goto(`${wharf.url}/admin/robots/new?template=pull`);
    await page.getByLabel('Name').fill('ci');
    await page.getByRole('button', { name: 'Create robot account' }).dblclick();
    await expect(page.getByRole('heading', { level: 1, name: 'Store this secret now' })).toBeVisible();
    await expect(page.locator('#secret')).toHaveText(/^wharf_[A-Za-z0-9_-]{43}$/);
    await page.goto(`${wharf.url}/admin/robots`);
    await expect(page.getByRole('row').filter({ hasText: 'robot$ci' })).toHaveCount(1);
  });
});

for (const script of [true, false]) {
  test.describe(script ? 'with script' : 'without script', () => {
    test.use({ javaScriptEnabled: script });
    test(`the session is over between page and form, ${script ? 'with' : 'without'} script`, async ({ page }) => {
      await page.goto(`${wharf.url}/admin/users/new`);
      if (script) await awake(page);
      await page.getByLabel('User name').fill('mate');
      await page.getByLabel('Email').fill('mate@example.com');
      await page.getByLabel('Full name').fill('First <Mate>');
      await page.locator('#password').fill(PASSWORD);
      await page.locator('#again').fill(PASSWORD);
      await page.getByLabel('Comment').fill('\n two lines & one more\n');
      await page.context().clearCookies();
      await page.getByRole('button', { name: 'Create user' }).click();
      await expect(page.getByText('Your session has ended, and nothing was sent.')).toBeVisible();
      await page.getByLabel('User name').fill('admin');
      await page.locator('#password').fill('wrong');
      await page.getByRole('button', { name: 'Sign in' }).click();
      await expect(page.getByText('do not sign in here')).toBeVisible();
      await page.locator('#password').fill(PASSWORD);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await expect(page.getByText('You are signed in again.')).toBeVisible();
      if (script) await expect(page).toHaveURL(`${wharf.url}/admin/users/new`);
      await expect(page.getByLabel('User name')).toHaveValue('mate');
      await expect(page.getByLabel('Full name')).toHaveValue('First <Mate>');
      await expect(page.getByLabel('Comment')).toHaveValue('\n two lines & one more\n');
      await expect(page.locator('#password')).toHaveValue('');
      await page.locator('#password').fill(PASSWORD);
      await page.locator('#again').fill(PASSWORD);
      await page.getByRole('button', { name: 'Create user' }).click();
      await expect(page.getByText('User mate was created.')).toBeVisible();
      await expect(page).toHaveURL(`${wharf.url}/admin/users`);
    });
  });
}

test('an answer that comes after the person went on changes nothing', async ({ page }) => {
  await page.goto(`${wharf.url}/projects/new`);
  await awake(page);
  let answered: () => void = () => {};
  const held = new Promise<void>((resolve) => { answered = resolve; });
  await page.route('**/fn/project/create*', async (route) => {
    const response = await route.fetch();
    await held;
    await route.fulfill({ response }).catch(() => {});
  });
  // The next page takes its time too, so that the answer comes before it.
  await page.route(`${wharf.url}/admin/users`, async (route) => {
    answered();
    await new Promise((resolve) => setTimeout(resolve, 500));
    await route.continue();
  });
  await page.getByLabel('Name').fill('later');
  await page.getByRole('button', { name: 'Create project' }).click();
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Users' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Users' })).toBeVisible();
  await expect(page).toHaveURL(`${wharf.url}/admin/users`);
  await page.goto(`${wharf.url}/projects/later`);
  await expect(page.getByRole('heading', { level: 1, name: 'later' })).toBeVisible();
});

for (const script of [true, false]) {
  test.describe(script ? 'Back, with script' : 'Back, without script', () => {
    test.use({ javaScriptEnabled: script });
    test(`after signing out nothing is shown again, ${script ? 'with' : 'without'} script`, async ({ page }) => {
      await page.goto(`${wharf.url}/admin/users`);
      await expect(page.getByRole('heading', { level: 1, name: 'Users' })).toBeVisible();
      await page.locator('summary').filter({ hasText: 'admin' }).click();
      await page.getByRole('button', { name: 'Sign out' }).click();
      await expect(page).toHaveURL(`${wharf.url}/sign-in`);
      await page.goBack();
      await expect(page.getByRole('heading', { level: 1, name: 'Sign in' })).toBeVisible();
      await expect(page.getByRole('heading', { level: 1, name: 'Users' })).toHaveCount(0);
    });
  });
}

test('a page renews itself without moving what one reads, what is open, or the focus', async ({ page }) => {
  await call(wharf, 'POST', '/system/gc/schedule', { schedule: { type: 'Manual' }, parameters: { dry_run: true } });
  // What is under way is over in a blink here, so the test keeps it: the first run is shown as running, and each answer has one more.
  let renewals = 0;
  await page.route(`${wharf.url}/admin/garbage`, async (route) => {
    const response = await route.fetch();
    const island = route.request().headers()['x-wharf-island'] !== undefined;
    renewals += island ? 1 : 0;
    const row = (n: number) => `<tr data-key="new-${n}"><td><a href="/new">Run ${n}</a></td></tr>`;
    const more = Array.from({ length: renewals }, (_, n) => row(renewals - n)).join('');
    const text = (await response.text()).replace('<main ', '<main data-live="" ').replace('<tbody>', `<tbody>${more}`);
    await route.fulfill({ response, body: text });
  });
  await page.goto(`${wharf.url}/admin/garbage`);
  await awake(page);
  const run = page.getByRole('link', { name: 'Collection 1' });
  await page.getByLabel('Cron pattern').fill('half typ');
  await page.getByLabel('Schedule').selectOption('custom');
  await page.locator('summary').filter({ hasText: 'admin' }).click();
  await run.focus();
  await run.evaluate((link) => Object.assign(link, { same: true }));
  await expect(page.getByRole('link', { name: 'Run 2' })).toBeVisible();
  await expect(run).toBeFocused();
  expect(await run.evaluate((link) => 'same' in link)).toBe(true);
  await expect(page.getByLabel('Cron pattern')).toHaveValue('half typ');
  await expect(page.getByLabel('Schedule')).toHaveValue('custom');
  await expect(page.getByRole('button', { name: 'Sign out' })).toBeVisible();
  // The server is away for a while: the page stays, and goes on when it is back.
  await page.route(`${wharf.url}/admin/garbage`, (route) => route.fulfill({ status: 502, contentType: 'text/html', body: 'Bad Gateway' }));
  await page.waitForResponse((response) => response.status() === 502);
  await expect(run).toBeFocused();
  await page.unroute(`${wharf.url}/admin/garbage`);
  await expect(page.getByRole('link', { name: /^Run/ })).toHaveCount(0);
});

test('a template ticks in place, and what was typed stays', async ({ page }) => {
  await makeProject(page, 'cargo');
  await page.goto(`${wharf.url}/admin/robots/new`);
  await awake(page);
  await page.getByLabel('Name').fill('ci');
  await page.getByRole('link', { name: 'Select all' }).click();
  await expect(page.getByRole('checkbox', { name: 'repository:push in All projects' })).toBeChecked();
  await page.getByRole('link', { name: 'Reset' }).click();
  await expect(page.getByRole('checkbox', { name: 'repository:push in All projects' })).not.toBeChecked();
  await page.getByRole('checkbox', { name: 'repository:pull in All projects' }).check();
  await page.getByRole('link', { name: 'Select all' }).click();
  await page.getByRole('link', { name: 'Reset' }).click();
  await expect(page.getByRole('checkbox', { name: 'repository:pull in All projects' })).not.toBeChecked();
  await expect(page.getByLabel('Name')).toHaveValue('ci');
  await expect(page).toHaveURL(`${wharf.url}/admin/robots/new`);
  await expect(page.getByRole('link', { name: 'Reset' })).toBeFocused();
});

test('users are suggested as one types', async ({ page }) => {
  await makeProject(page, 'cargo');
  await call(wharf, 'POST', '/users', { username: 'mate', email: 'mate@example.com', realname: 'First Mate', password: PASSWORD });
  await page.goto(`${wharf.url}/projects/cargo/members/new`);
  await awake(page);
  await page.getByLabel('User name').pressSequentially('ma');
  await expect(page.locator('datalist#users option')).toHaveAttribute('value', 'mate');
  await expect(page.getByLabel('User name')).toHaveValue('ma');
});

test('the theme changes at once, stays, and leaves what stands on the page', async ({ page }) => {
  await page.goto(`${wharf.url}/admin/robots/new?template=pull`);
  await awake(page);
  await page.getByLabel('Name').fill('ci');
  await page.getByRole('button', { name: 'Create robot account' }).click();
  const secret = await page.locator('#secret').innerText();
  await page.evaluate(() => Object.assign(window, { same: true }));
  await page.getByRole('button', { name: 'Change to the dark theme' }).click();
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
  await expect(page.getByRole('button', { name: 'Change to the light theme' })).toBeVisible();
  expect(await page.evaluate(() => 'same' in window)).toBe(true);
  await expect(page.locator('#secret')).toHaveText(secret);
  await page.getByRole('link', { name: 'Done, I have stored it' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Robot accounts' })).toBeVisible();
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
});

test('a password is shown and hidden', async ({ page }) => {
  await page.goto(`${wharf.url}/account`);
  await awake(page);
  const field = page.getByLabel('Current password');
  await field.fill('typed');
  const eye = page.locator('button[aria-controls=current]');
  await eye.click();
  await expect(field).toHaveAttribute('type', 'text');
  await expect(eye).toHaveText('Hide');
  await eye.click();
  await expect(field).toHaveAttribute('type', 'password');
  await expect(field).toHaveValue('typed');
});

test('what was fetched ahead is never shown old, and takes no notice away', async ({ page, context }) => {
  await makeProject(page, 'doomed');
  const projects = () => page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Projects' });
  const ahead = async (path: string, link: ReturnType<typeof projects>) => {
    const fetched = page.waitForRequest((request) => request.url() === `${wharf.url}${path}` && request.headers()['sec-purpose']?.startsWith('prefetch') === true);
    await link.hover();
    await fetched;
  };
  // Something of one's own is done in between.
  await page.goto(`${wharf.url}/projects/doomed/settings`);
  await awake(page);
  await ahead('/projects', projects());
  await page.getByLabel("Type the project's name").fill('doomed');
  await page.getByRole('button', { name: 'Delete project' }).click();
  await expect(page).toHaveURL(`${wharf.url}/projects`);
  await expect(page.getByRole('status')).toContainText('Project doomed was deleted.');
  await expect(page.getByRole('main').getByRole('link', { name: 'doomed' })).toHaveCount(0);
  // Somebody else does something in between.
  await page.goto(`${wharf.url}/admin/users`);
  await awake(page);
  await ahead('/projects', projects());
  await call(wharf, 'POST', '/projects', { project_name: 'others' });
  await projects().click();
  await expect(page.getByRole('main').getByRole('link', { name: 'others' })).toBeVisible();
  // One signs out in another tab.
  const users = page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Users' });
  await ahead('/admin/users', users);
  const other = await context.newPage();
  await other.goto(`${wharf.url}/account`);
  await awake(other);
  await other.locator('summary').filter({ hasText: 'admin' }).click();
  await other.getByRole('button', { name: 'Sign out' }).click();
  await expect(other).toHaveURL(`${wharf.url}/sign-in`);
  await users.click();
  await expect(page.getByRole('heading', { level: 1, name: 'Sign in' })).toBeVisible();
});

test('a double click does one thing, also where its answer puts another button in place', async ({ page }) => {
  await call(wharf, 'POST', '/users', { username: 'mate', email: 'mate@example.com', realname: 'First Mate', password: PASSWORD });
  await page.goto(`${wharf.url}/admin/users/2`);
  await awake(page);
  let sent = 0;
  page.on('request', (request) => { if (request.method() === 'POST') sent += 1; });
  await page.getByRole('button', { name: 'Disable' }).click({ clickCount: 2, delay: 60 });
  await expect(page.getByRole('button', { name: 'Enable' })).toBeVisible();
  await expect(page.getByRole('status')).toContainText('The user can no longer sign in.');
  expect(sent).toBe(1);
});

test('the same notice is said anew, and one on a page that renews itself stays', async ({ page }) => {
  await makeProject(page, 'cargo');
  await page.goto(`${wharf.url}/projects/cargo/settings`);
  await awake(page);
  const notice = page.getByRole('status').getByText('The configuration was saved.');
  await page.getByRole('button', { name: 'Save configuration' }).click();
  await expect(notice).toBeVisible();
  await notice.evaluate((line) => Object.assign(line, { old: true }));
  await page.getByRole('button', { name: 'Save configuration' }).click();
  await expect(async () => {
    expect(await notice.evaluate((line) => 'old' in line)).toBe(false);
  }).toPass();
});

test('a refusal that no field shows is where one looks', async ({ page }) => {
  await page.setViewportSize({ width: 1000, height: 500 });
  await page.goto(`${wharf.url}/admin/robots/new?template=pull`);
  await awake(page);
  await page.getByLabel('Name').fill('ci');
  await page.getByLabel('Expires after').fill('0');
  await page.getByRole('button', { name: 'Create robot account' }).click();
  await expect(page.getByLabel('Expires after')).toBeFocused();
  await expect(page.getByLabel('Expires after')).toBeInViewport();
  await page.getByLabel('Expires after').fill('30');
  await page.getByRole('link', { name: 'Reset' }).click();
  await page.getByRole('button', { name: 'Create robot account' }).click();
  await expect(page.locator('.form__problems')).toBeFocused();
  await expect(page.locator('.form__problems')).toBeInViewport();
  await page.route('**/fn/robot/create*', (route) => route.abort('connectionrefused'));
  await page.getByRole('button', { name: 'Create robot account' }).click();
  await expect(page.getByText('could not be reached')).toBeInViewport();
});

test('more columns keep what was typed and ticked', async ({ page }) => {
  await makeProject(page, 'cargo');
  await page.goto(`${wharf.url}/admin/robots/new`);
  await awake(page);
  await page.getByLabel('Name', { exact: true }).fill('ci');
  await page.getByRole('checkbox', { name: 'repository:pull in All projects' }).check();
  await page.getByLabel('Also a column for').fill('cargo');
  await page.getByRole('button', { name: 'Show columns' }).click();
  await page.getByRole('checkbox', { name: 'repository:push in cargo' }).check();
  await expect(page.getByLabel('Name', { exact: true })).toHaveValue('ci');
  await expect(page.getByRole('checkbox', { name: 'repository:pull in All projects' })).toBeChecked();
  await expect(page).toHaveURL(/projects=cargo/);
  await page.getByLabel('Expires after').fill('0');
  await page.getByRole('button', { name: 'Create robot account' }).click();
  await expect(page.getByRole('checkbox', { name: 'repository:push in cargo' })).toBeChecked();
});
