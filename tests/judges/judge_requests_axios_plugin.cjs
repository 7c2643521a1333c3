// wechatpay-axios-plugin (TheNorthMemory) judges the requests of the client, of both protocols.
'use strict';

const assert = require('assert');
const { readFileSync } = require('fs');
const { join } = require('path');
const { createPublicKey } = require('crypto');
const { Formatter, Hash, Rsa, Transformer } = require('wechatpay-axios-plugin');

const [keys, ...lines] = readFileSync(process.argv[2], 'utf8').trim().split('\n').map((line) => JSON.parse(line));
const publicKey = createPublicKey(keys.certificate_pem);
const wechatKey = readFileSync(join(__dirname, '../../sandbox/counterparty/keys/wechat_pay_private_key.pem'), 'utf8');

const score = { genuine: 0, forged: 0 };
for (const { name, judgement, request, sealed = {}, private_key_pem: privateKey } of lines.filter(({ kind }) => kind === 'request')) {
  const accepted = new URL(request.url).pathname.startsWith('/v3/') ? v3(request) : v2(fields(request));
  assert.strictEqual(accepted, judgement === 'genuine', `${name}: ${judgement}, but accepted is ${accepted}`);
  score[judgement] += 1;
  for (const [field, plaintext] of Object.entries(sealed)) {
    assert.strictEqual(Rsa.decrypt(JSON.parse(request.body)[field], Rsa.from(privateKey || wechatKey)), plaintext, `${name}: ${field}`);
  }
}

const [v3App, v3Jsapi] = lines.filter(({ kind }) => kind === 'v3 launch').map(({ launch }) => launch.params);
for (const [signed, signature] of [
  [[v3App.appId, v3App.timeStamp, v3App.nonceStr, v3App.prepayId], v3App.sign],
  [[v3Jsapi.appId, v3Jsapi.timeStamp, v3Jsapi.nonceStr, v3Jsapi.package], v3Jsapi.paySign],
]) {
  assert.ok(Rsa.verify(Formatter.joinedByLineFeed(...signed), signature, publicKey));
  assert.ok(!Rsa.verify(Formatter.joinedByLineFeed('wx0', ...signed.slice(1)), signature, publicKey));
}

const [app, jsapi, miniProgram, page] = lines.filter(({ kind }) => kind === 'launch').map(({ launch }) => launch.params);
const { paySign, ...signed } = jsapi;
assert.strictEqual(Hash.sign(signed.signType, signed, keys.api_v2_key), paySign);
for (const launched of [app, miniProgram.extraData, Object.fromEntries(new URL(page.url).searchParams)]) assert.ok(v2(launched));

console.log(`wechatpay-axios-plugin: ${score.genuine} genuine ones accepted, ${score.forged} forged ones refused`);
assert.ok(score.genuine >= 38 && score.forged >= 38, 'fewer requests were shown than the list is known to hold');

function fields({ method, url, body }) {
  return method === 'GET' ? Object.fromEntries(new URL(url).searchParams) : Transformer.toObject(body);
}

// `Hash.sign` leaves out `sign` and what is empty.
function v2(message) {
  const type = message.sign.length === 64 ? Hash.ALGO_HMAC_SHA256 : Hash.ALGO_MD5;
  return Hash.equals(Hash.sign(type, message, keys.api_v2_key), message.sign);
}

function v3({ method, url, headers, body }) {
  const { pathname, search } = new URL(url);
  const part = (name) => new RegExp(`${name}="([^"]*)"`).exec(headers.authorization)[1];
  assert.ok(headers.authorization.startsWith('WECHATPAY2-SHA256-RSA2048 '));
  assert.strictEqual(part('mchid'), keys.mch_id);
  assert.strictEqual(part('serial_no'), keys.certificate_serial);
  const message = Formatter.request(method, pathname + search, part('timestamp'), part('nonce_str'), body);
  return Rsa.verify(message, part('signature'), publicKey);
}
