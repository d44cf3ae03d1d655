import forcecred from './index.cjs';

export const { Client, ForcecredError, getCredential, refreshFn, createConnection, createFetch } = forcecred;
