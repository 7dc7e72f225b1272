// A server with something on every page: made by its API and real clients, for tests that look at pages.
import { type Page, expect } from '@playwright/test';
import { Clients, PASSWORD, Wharf } from './wharf';

export async function signIn(page: Page, wharf: Wharf, name = 'admin'): Promise<void> {
  await page.goto(`${wharf.url}/sign-in`);
  await page.getByLabel('User name').fill(name);
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page).toHaveURL(`${wharf.url}/projects`);
}

/** The islands are awake: what needs them can be tried. */
export async function awake(page: Page): Promise<void> {
  await expect(page.locator('html[data-awake]')).toBeAttached();
}

/** Calls the REST API as the administrator; answers the id of what was made. */
export async function call(wharf: Wharf, method: string, path: string, body?: object): Promise<number> {
  const response = await fetch(`${wharf.local}/api/v2.0${path}`, {
    method,
    headers: { authorization: `Basic ${btoa(`admin:${PASSWORD}`)}`, 'content-type': 'application/json' },
    body: body && JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return Number(response.headers.get('location')?.split('/').pop() ?? 0);
}

/** Reads from the REST API as the administrator. */
export async function read(wharf: Wharf, path: string): Promise<{ status?: string }> {
  const response = await fetch(`${wharf.local}/api/v2.0${path}`, { headers: { authorization: `Basic ${btoa(`admin:${PASSWORD}`)}` } });
  if (!response.ok) throw new Error(`GET ${path}: ${response.status}`);
  return response.json() as Promise<{ status?: string }>;
}

/** Every page's address, on a server where each has something to show. */
export async function everyPage(wharf: Wharf, clients: Clients): Promise<string[]> {
  await call(wharf, 'POST', '/projects', { project_name: 'cargo' });
  const number = await call(wharf, 'POST', '/projects', { project_name: 'hold' });
  await call(wharf, 'POST', '/users', { username: 'mate', email: 'mate@example.com', realname: 'First Mate', password: PASSWORD });
  await call(wharf, 'POST', '/projects/cargo/members', { role_id: 2, member_user: { username: 'mate' } });
  const access = [{ resource: 'repository', action: 'pull' }];
  const robot = async (level: string, namespace: string) =>
    call(wharf, 'POST', '/robots', { name: `${level}-ci`, level, duration: 30, permissions: [{ kind: 'project', namespace, access }] });
  const [system, own] = [await robot('system', '*'), await robot('project', 'cargo')];
  clients.login(wharf.host, 'admin', PASSWORD);
  const digest = clients.push(wharf.host, 'cargo/ship:1');
  clients.sign(`${wharf.host}/cargo/ship@${digest}`);
  const gone = clients.push(wharf.host, 'cargo/boat:1');
  await call(wharf, 'DELETE', `/projects/cargo/repositories/boat/artifacts/${gone}`);
  const target = await call(wharf, 'POST', '/registries', {
    name: 'itself', type: 'harbor', url: wharf.local, insecure: false, credential: { access_key: 'admin', access_secret: PASSWORD },
  });
  const rule = await call(wharf, 'POST', '/replication/policies', {
    name: 'mirror', dest_registry: { id: target }, dest_namespace: 'copies', enabled: true, trigger: { type: 'manual' }, filters: [{ type: 'name', value: 'cargo/**' }],
  });
  const execution = await call(wharf, 'POST', '/replication/executions', { policy_id: rule });
  // One that removes what was deleted here, and asks first.
  const passing = clients.push(wharf.host, 'hold/passing:1');
  const removing = await call(wharf, 'POST', '/replication/policies', {
    name: 'removing', dest_registry: { id: target }, dest_namespace: 'gone', enabled: true, deletion: true, trigger: { type: 'manual' },
    filters: [{ type: 'name', value: 'hold/**' }],
  });
  const executed = async () => {
    const id = await call(wharf, 'POST', '/replication/executions', { policy_id: removing });
    await expect.poll(async () => (await read(wharf, `/replication/executions/${id}`)).status).not.toBe('InProgress');
    return id;
  };
  await executed();
  await call(wharf, 'DELETE', `/projects/hold/repositories/passing/artifacts/${passing}`);
  const asks = await executed();
  const collection = await call(wharf, 'POST', '/system/gc/schedule', { schedule: { type: 'Manual' }, parameters: { dry_run: true } });
  const selectors = (pattern: string) => ({
    scope_selectors: { repository: [{ kind: 'doublestar', decoration: 'repoMatches', pattern: '**' }] },
    tag_selectors: [{ kind: 'doublestar', decoration: 'matches', pattern }],
  });
  const label = await call(wharf, 'POST', '/labels', { name: 'accepted', color: '#2da44e', scope: 'g' });
  await call(wharf, 'POST', `/projects/cargo/repositories/ship/artifacts/${digest}/labels`, { id: label });
  const kept = await call(wharf, 'POST', '/projects/cargo/immutabletagrules', selectors('v*'));
  const everywhere = await call(wharf, 'POST', '/system/immutabletagrules', selectors('release-*'));
  await call(wharf, 'PUT', `/quotas/${number}`, { hard: { storage: 10_000_000_000 } });
  const retention = await call(wharf, 'POST', '/retentions', {
    algorithm: 'or', scope: { level: 'project', ref: number }, rules: [{ template: 'latestPushedK', params: { latestPushedK: 1 }, ...selectors('**') }],
  });
  const run = await call(wharf, 'POST', `/retentions/${retention}/executions`, { dry_run: true });
  await call(wharf, 'POST', '/projects/cargo/blocks', { digest: gone, reason: 'holds a leaked key' });
  const repository = '/projects/cargo/repositories/ship';
  const artifact = `${repository}/artifacts/${digest}`;
  const signature = clients.crane('digest', `${wharf.host}/cargo/ship:${digest.replace(':', '-')}.sig`);
  return [
    '/sign-in', '/account', '/jump', '/jump?q=cargo', '/projects', '/projects?q=none', '/projects/new', '/projects/cargo', '/projects/cargo/members',
    '/projects/cargo/members/new', '/projects/cargo/robots', '/projects/cargo/robots/new', `/projects/cargo/robots/${own}`,
    '/projects/cargo/replication', '/projects/cargo/deleted', '/projects/cargo/deleted?by=admin', '/projects/cargo/settings', '/projects/cargo/repositories/ship',
    `/projects/cargo/repositories/ship?open=${digest}`, '/projects/cargo/repositories/ship/settings', artifact, `${artifact}/delete`, `${artifact}/copy`, `${artifact}/remove-tag?tag=1`,
    `${repository}/artifacts/${signature}`, `${repository}/delete`, `${repository}/delete-artifacts`, `${repository}/delete-artifacts?digest=${digest}`,
    `/projects/cargo/robots/${own}/secret`, `/projects/cargo/robots/${own}/delete`, '/projects/cargo/deleted/purge', '/projects/cargo/deleted/purge?ids[]=1',
    '/admin/users/2/delete', `/admin/robots/${system}/secret`, `/admin/robots/${system}/delete`, `/admin/registries/${target}/delete`,
    `/admin/replication/${rule}/delete`, '/admin/storage', '/admin/quotas', '/projects/cargo/storage', '/projects/cargo/activity', '/projects/cargo/activity?days=364', '/projects/cargo/activity?repository=ship&days=30', '/projects/hold/storage', '/admin/sign-ins', '/admin/settings',
    '/admin/users', '/admin/users/new', '/admin/users/2', '/admin/robots', '/admin/robots/new?template=push', `/admin/robots/${system}`,
    '/admin/registries', '/admin/registries/new', '/admin/registries/new?provider=docker-hub', `/admin/registries/${target}`, '/admin/replication', '/admin/replication/new',
    `/admin/replication/${rule}`, `/admin/replication/${rule}/edit`, `/admin/replication/${removing}/executions/${asks}`, `/admin/replication/${removing}/executions/${asks}/removals`, `/admin/replication/${rule}/executions/${execution}`,
    '/projects/cargo/policy', `/projects/cargo/policy/immutable/new`, `/projects/cargo/policy/immutable/${kept}`, `/projects/cargo/policy/immutable/${kept}/delete`,
    '/projects/hold/policy', '/projects/hold/policy/retention/rules/new', '/projects/hold/policy/retention/rules/1', '/projects/hold/policy/retention/rules/1/delete', '/projects/hold/policy/retention/start',
    `/projects/hold/policy/retention/runs/${run}`, '/projects/cargo/labels', '/projects/cargo/labels/new', '/projects/cargo/log', '/admin/audit', '/admin/audit?q=ship',
    '/admin/labels', '/admin/labels/new', `/admin/labels/${label}`, `/admin/labels/${label}/delete`,
    '/projects/cargo/policy/blocks', `/projects/cargo/policy/blocks?digest=${digest}`, `/projects/cargo/policy/blocks/purge?digest=${gone}`, '/admin/policy/blocks', `/admin/policy/blocks?digest=${gone}`, '/admin/policy', '/admin/policy/immutable/new', `/admin/policy/immutable/${everywhere}`, `/admin/policy/immutable/${everywhere}/delete`,
    '/admin/garbage', `/admin/garbage/${collection || 1}`, '/nothing-here',
  ];
}
