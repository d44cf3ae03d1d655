import jsforce, { Connection } from 'jsforce';
import { Client, ForcecredError, createConnection, createFetch, getCredential, refreshFn } from 'forcecred';

export async function use(): Promise<void> {
  const { access_token, instance_url, expires_at } = await getCredential('prod', { minTTL: 300, signal: AbortSignal.timeout(1000) });
  const connection: Connection = await createConnection(jsforce, 'prod');
  const own = new Connection({ instanceUrl: instance_url, accessToken: access_token, refreshFn: refreshFn('prod') });
  const response: Response = await createFetch('prod', { for: 'data-cloud' })('/services/data/');
  const client = new Client({ path: '/opt/forcecred', timeout: 1000, onNotice: (notice) => console.warn(notice) });
  try {
    await client.getCredential('prod');
  } catch (error) {
    if (error instanceof ForcecredError && error.code === 'sign_in_again') console.error(error.hint, error.retryable);
  }
  // @ts-expect-error: there is no such API
  await getCredential('prod', { for: 'nosuch' });
  console.log(expires_at, connection, own, response.status);
}
