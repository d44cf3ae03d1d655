'use strict';

/**
 * Returns a fetch that adds the org's token to requests to the origin of its instance_url, and to no
 * other. A path without a host is one of the org's. After a 401 it sends the request once more, with
 * another token.
 */
function fetchWith(client, org, fetch, options) {
  return async (input, init = {}) => {
    const signal = init.signal ?? input.signal ?? undefined;
    const credential = await client.getCredential(org, { ...options, signal });
    const origin = new URL(credential.instance_url).origin;
    const isRequest = typeof input === 'object' && !(input instanceof URL);
    const target = isRequest ? input : new URL(input, credential.instance_url);
    if (!isAt(origin, isRequest ? input.url : target)) return fetch(input, init);

    const send = (token) => fetch(isRequest ? input.clone() : target, { ...init, headers: authorized(input, init, token) });
    const response = await send(credential.access_token);
    if (response.status !== 401 || !isAt(origin, response.url)) return response;
    if (!isRepeatable(init.body)) {
      client.reject(org, credential.access_token, options);
      return response;
    }
    const fresh = await client.getCredential(org, { ...options, signal, rejectedToken: credential.access_token });
    if (fresh.access_token === credential.access_token || !isAt(origin, fresh.instance_url)) return response;
    await response.body?.cancel();
    return send(fresh.access_token);
  };
}

function isAt(origin, url) {
  return URL.canParse(url) && new URL(url).origin === origin && origin.startsWith('https://');
}

/** Returns the headers of the request with the token. fetch drops it if a redirect leads to another origin. */
function authorized(input, init, token) {
  const headers = new Headers(init.headers ?? input.headers);
  headers.set('Authorization', `Bearer ${token}`);
  return headers;
}

/** Reports whether a body can be sent twice. A stream can't. */
function isRepeatable(body) {
  return body === undefined || body === null || typeof body === 'string' || body instanceof ArrayBuffer || ArrayBuffer.isView(body) ||
    body instanceof Blob || body instanceof URLSearchParams || body instanceof FormData;
}

module.exports = { fetchWith };
