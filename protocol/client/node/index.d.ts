/** The answer of forcecred. Salesforce's members have Salesforce's names. */
export interface Credential {
  readonly version: 1;
  readonly org: string;
  readonly for?: string;
  readonly access_token: string;
  readonly token_type?: string;
  /** Where the token is for: an https URL without a path. */
  readonly instance_url: string;
  readonly id?: string;
  readonly issued_at?: string;
  readonly signature?: string;
  readonly scope?: string;
  readonly id_token?: string;
  readonly api_instance_url?: string;
  readonly org_id?: string;
  readonly user_id?: string;
  /** RFC 3339, by this machine's clock. */
  readonly expires_at: string;
  readonly expires_source: string;
}

export interface CredentialOptions {
  /** Seconds that the token must still live; default 60. */
  minTTL?: number;
  /** The access token that the org has just rejected with 401. */
  rejectedToken?: string;
  /** The API that the token is for; default the org's own. */
  for?: 'org' | 'data-cloud';
  /** Gives up the wait. A refresh that has begun is finished by forcecred. */
  signal?: AbortSignal;
}

export interface ClientOptions {
  /** The forcecred binary: a path, or a name on PATH. Default: this package's own, else PATH. */
  path?: string;
  /** Its environment; default that of this process. */
  env?: NodeJS.ProcessEnv;
  /** Milliseconds that one request may take; default 180000. */
  timeout?: number;
  /** Gets what forcecred has to say to a person; default process.emitWarning. */
  onNotice?: (notice: string) => void;
}

export type ErrorCode =
  | 'internal' | 'usage' | 'bad_request' | 'org_not_found' | 'keystore_unavailable' | 'sign_in_again'
  | 'temporarily_unavailable' | 'refused' | 'command_not_found' | 'command_not_runnable';

/** A failure, with forcecred's code and hint. No field holds a secret. */
export class ForcecredError extends Error {
  readonly code: ErrorCode;
  /** What to do about it, or "". */
  readonly hint: string;
  readonly org: string;
  /** The same request may succeed in a moment. */
  readonly retryable: boolean;
  readonly salesforce?: { error?: string; error_description?: string; status?: number };
}

/** The refreshFn of a jsforce connection. */
export type RefreshFn = (
  connection: { accessToken?: string | null },
  callback: (error: any, accessToken?: any, response?: any) => void,
) => void;

/** jsforce, or its Connection. */
export type Jsforce<C> = { Connection: new (config: any) => C } | (new (config: any) => C);

export type ConnectionOptions = Omit<CredentialOptions, 'rejectedToken' | 'signal'> & {
  /** More options of jsforce's Connection. */
  connection?: object;
};

export type FetchOptions = Omit<CredentialOptions, 'rejectedToken' | 'signal'> & {
  /** What sends the requests; default the global fetch. */
  fetch?: (input: any, init?: any) => Promise<any>;
};

/** Asks forcecred, and caches its answers in memory. Calls for the same token share one request. */
export class Client {
  constructor(options?: ClientOptions);
  getCredential(org: string, options?: CredentialOptions): Promise<Credential>;
  /** Says that the org has rejected a token. The next call gets another one. */
  reject(org: string, accessToken: string, options?: Pick<CredentialOptions, 'for'>): void;
  refreshFn(org: string, options?: Omit<CredentialOptions, 'rejectedToken'>): RefreshFn;
  createConnection<C>(jsforce: Jsforce<C>, org: string, options?: ConnectionOptions): Promise<C>;
  createFetch(org: string, options?: FetchOptions): typeof fetch;
}

/** Returns an access token of an org. It rejects with a ForcecredError, or with the signal's reason. */
export function getCredential(org: string, options?: CredentialOptions): Promise<Credential>;

/** Returns the refreshFn of a jsforce connection. */
export function refreshFn(org: string, options?: Omit<CredentialOptions, 'rejectedToken'>): RefreshFn;

/** Returns a jsforce connection that gets another token when the org ends its session. */
export function createConnection<C>(jsforce: Jsforce<C>, org: string, options?: ConnectionOptions): Promise<C>;

/**
 * Returns a fetch that adds the org's token to requests to the org, and to no other host. A path such as
 * /services/data/ is one of the org's. After a 401 it sends the request once more, with another token, three times a minute at most.
 */
export function createFetch(org: string, options?: FetchOptions): typeof fetch;
