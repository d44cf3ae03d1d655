// The Salesforce CLI's own library, asked in lines of JSON: each line on stdin is a
// command, each line on stdout its answer. The argument is the file of the CLI, beside
// which its library is.
const { createRequire } = require('node:module');
const fs = require('node:fs');
const path = require('node:path');
const readline = require('node:readline');

const ofCLI = createRequire(fs.realpathSync(process.argv[2]));
const core = ofCLI('@salesforce/core');

// afresh returns what a new process of the CLI's would see.
async function afresh() {
  core.StateAggregator.clearInstance();
  return core.StateAggregator.getInstance();
}

const commands = {
  // login stores logins and their aliases: [{username, aliases, ...members of the auth file}].
  async login({ logins }) {
    const state = await afresh();
    for (const { aliases, ...members } of logins) {
      state.orgs.set(members.username, members);
      await state.orgs.write(members.username);
      for (const alias of aliases ?? []) await state.aliases.setAndSave(alias, members.username);
    }
    return null;
  },
  // list returns each login's username and aliases, as `sf org list auth` has them.
  async list() {
    await afresh();
    const all = await core.AuthInfo.listAllAuthorizations();
    return all.map(({ username, aliases }) => ({ username, aliases }));
  },
  // get returns who a name stands for, and the access token that the CLI would use.
  async get({ name, app }) {
    const state = await afresh();
    const info = await core.AuthInfo.create({ username: state.aliases.resolveUsername(name) });
    return { username: info.getUsername(), accessToken: info.getConnectionOptions(app).accessToken };
  },
  // refresh returns the access token that the CLI gets by a refresh.
  async refresh({ name, app }) {
    const state = await afresh();
    const info = await core.AuthInfo.create({ username: state.aliases.resolveUsername(name) });
    return new Promise((resolve, reject) => {
      info.getConnectionOptions(app).refreshFn(undefined, async (err, accessToken) => (err ? reject(err) : resolve(accessToken))).catch(reject);
    });
  },
  // audiences returns where an assertion is sent, and for whom: [[login, audience]].
  async audiences({ login, audience }) {
    return ofCLI(path.join(path.dirname(ofCLI.resolve('@salesforce/core')), 'util', 'sfdcUrl.js')).getLoginAudienceCombos(audience, login);
  },
  // target returns the default org.
  async target() {
    await core.ConfigAggregator.clearInstance();
    return (await core.ConfigAggregator.create()).getPropertyValue('target-org') ?? null;
  },
};

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    let answer;
    try {
      const { command, ...args } = JSON.parse(line);
      answer = { result: await commands[command](args) };
    } catch (err) {
      answer = { error: `${err.name}: ${err.message}` };
    }
    process.stdout.write(JSON.stringify(answer) + '\n');
  }
})();
