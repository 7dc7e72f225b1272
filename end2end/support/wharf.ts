// Servers and real clients for the browser tests. Everything lives in a temporary folder and ends with the test.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const PASSWORD = 'seven tall ships sail';

function tool(variable: string): string {
  const path = process.env[variable];
  if (!path) throw new Error(`${variable} is not set: run the browser tests by “cargo xtask test browser”`);
  return path;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const port = (server.address() as AddressInfo).port;
      server.close(() => resolve(port));
    });
  });
}

export class Wharf {
  /** `local` is its address for this machine's own requests: a name of the test's alone is known to the browser only. */
  private constructor(readonly url: string, readonly local: string, private process: ChildProcess, private data: string) {}

  /** Starts the built server on a free port and waits for its one line. */
  static async start(host = '127.0.0.1'): Promise<Wharf> {
    // Cookies know no ports: two servers in one browser need two names. The name is told by its external URL.
    const port = host === '127.0.0.1' ? 0 : await freePort();
    const named = port === 0 ? {} : { WHARF_EXTERNAL_URL: `http://${host}:${port}` };
    const data = mkdtempSync(join(tmpdir(), 'wharf-e2e-'));
    const child = spawn(tool('WHARF_TEST_BINARY'), ['serve', '--data', join(data, 'data'), '--listen', `127.0.0.1:${port}`], {
      env: { ...process.env, ...named, WHARF_ADMIN_PASSWORD: PASSWORD, WHARF_OUTBOUND_ALLOW: '127.0.0.0/8', WHARF_TEST_BINARY: undefined },
      stdio: ['ignore', 'pipe', process.env.WHARF_TEST_LOGS ? 'inherit' : 'ignore'],
    });
    const url = await new Promise<string>((resolve, reject) => {
      let text = '';
      child.stdout!.on('data', (chunk) => {
        text += chunk;
        const found = /listening on (http\S+)/.exec(text);
        if (found) resolve(found[1]);
      });
      child.on('exit', (code) => reject(new Error(`the server ended with ${code}`)));
    });
    return new Wharf(port === 0 ? url : `http://${host}:${port}`, port === 0 ? url : `http://127.0.0.1:${port}`, child, data);
  }

  get host(): string {
    return this.url.replace('http://', '');
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.process.on('exit', resolve));
    this.process.kill('SIGTERM');
    await ended;
    rmSync(this.data, { recursive: true, force: true });
  }
}

/** A folder with keys, credentials and an image layer for cosign, crane and skopeo. */
export class Clients {
  readonly folder = mkdtempSync(join(tmpdir(), 'wharf-clients-'));
  private env = { ...process.env, DOCKER_CONFIG: this.folder, COSIGN_PASSWORD: '' };

  constructor() {
    this.run(tool('WHARF_TEST_COSIGN'), ['generate-key-pair']);
    mkdirSync(join(this.folder, 'layer'));
    writeFileSync(join(this.folder, 'layer', 'file'), `content ${Math.random()}`);
    this.run('tar', ['cf', 'layer.tar', '-C', 'layer', 'file']);
  }

  private run(program: string, args: string[]): string {
    return execFileSync(program, args, { cwd: this.folder, env: this.env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  }

  crane(...args: string[]): string {
    return this.run(tool('WHARF_TEST_CRANE'), args).trim();
  }

  login(host: string, user: string, secret: string): void {
    this.crane('auth', 'login', host, '-u', user, '-p', secret);
  }

  /** Makes a small image (another for another `content`) with crane and pushes it with skopeo; answers its digest. */
  push(host: string, name: string, content?: string): string {
    if (content) {
      writeFileSync(join(this.folder, 'layer', 'file'), content);
      this.run('tar', ['cf', 'layer.tar', '-C', 'layer', 'file']);
    }
    this.crane('append', '--oci-empty-base', '-f', 'layer.tar', '-t', `${host}/${name}`, '-o', 'image.tar');
    this.run('skopeo', ['copy', '--insecure-policy', '--authfile', join(this.folder, 'config.json'), '--dest-tls-verify=false',
      '--digestfile', 'digest', 'docker-archive:image.tar', `docker://${host}/${name}`]);
    return readFileSync(join(this.folder, 'digest'), 'utf8').trim();
  }

  /** cosign 3's bundle and cosign 2's `.sig`, for the same digest. */
  sign(image: string): void {
    const common = ['sign', '--key', 'cosign.key', '--yes', '--tlog-upload=false', '--allow-insecure-registry', image];
    this.run(tool('WHARF_TEST_COSIGN2'), common);
    this.run(tool('WHARF_TEST_COSIGN'), [...common.slice(0, -1), '--use-signing-config=false', image]);
  }

  verify(image: string): string {
    return this.run(tool('WHARF_TEST_COSIGN'), [
      'verify', '--key', 'cosign.pub', '--insecure-ignore-tlog', '--allow-insecure-registry', image,
    ]);
  }

  clean(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
