'use strict';

/** A failure, with forcecred's code and hint. No field holds a secret. */
class ForcecredError extends Error {
  constructor({ code, message, hint, org, retryable, salesforce }, options) {
    super(message, options);
    this.name = 'ForcecredError';
    this.code = code;
    this.hint = hint ?? '';
    this.org = org ?? '';
    this.retryable = retryable ?? false;
    this.salesforce = salesforce;
  }
}

module.exports = { ForcecredError };
