// wechatpay-axios-plugin (TheNorthMemory) judges both protocols.
'use strict';

const assert = require('assert');
const { readFileSync } = require('fs');
const { createPublicKey } = require('crypto');
const { Aes, Formatter, Hash, Rsa, Transformer } = require('wechatpay-axios-plugin');

const [keys, ...notices] = readFileSync(process.argv[2], 'utf8').trim().split('\n').map((line) => JSON.parse(line));
const publicKeys = {
  [keys.public_key_id]: Rsa.from(keys.public_key_pem, Rsa.KEY_TYPE_PUBLIC),
  [keys.certificate_serial]: createPublicKey(keys.certificate_pem),
};
if (keys.renewed) publicKeys[keys.renewed.serial] = createPublicKey(keys.renewed.pem);

const score = { genuine: 0, forged: 0 };
for (const notice of notices.filter(({ judgement }) => judgement !== 'other')) {
  if (notice.kind === 'certificates') {
    fetched(notice);
    continue;
  }
  const content = judged(notice);
  const accepted = content !== undefined;
  assert.strictEqual(accepted, notice.judgement === 'genuine', `${notice.name}: ${notice.judgement}, but accepted is ${accepted}`);
  if (accepted) expect(notice, content);
  score[notice.judgement] += 1;
}
console.log(`wechatpay-axios-plugin: ${score.genuine} genuine ones accepted, ${score.forged} forged ones refused`);
const [genuine, forged] = process.argv.length > 3 ? process.argv.slice(3).map(Number) : [50, 41];
assert.ok(score.genuine >= genuine && score.forged >= forged, 'fewer notices were shown than the list is known to hold');

function judged(notice) {
  const body = Buffer.from(notice.body, 'base64').toString('utf8');
  try {
    return notice.protocol === 'V2' ? v2(body) : v3(new Map(notice.headers), body, notice.kind);
  } catch {
    return undefined;
  }
}

// The newest certificate of the list is the one that signed it.
function fetched({ headers, body, certificate_pem: certificate }) {
  const text = Buffer.from(body, 'base64').toString('utf8');
  const opened = JSON.parse(text).data.map(({ encrypt_certificate: sealed }) =>
    Aes.AesGcm.decrypt(sealed.ciphertext, keys.api_v3_key, sealed.nonce, sealed.associated_data));
  assert.ok(opened.includes(certificate), 'the certificate is not in its list');
  const said = new Map(headers);
  const message = Formatter.response(said.get('Wechatpay-Timestamp'), said.get('Wechatpay-Nonce'), text);
  assert.ok(Rsa.verify(message, said.get('Wechatpay-Signature'), createPublicKey(certificate)));
}

function v2(xml) {
  const fields = Transformer.toObject(xml);
  if (fields.req_info) {
    return Transformer.toObject(Aes.AesEcb.decrypt(fields.req_info, Hash.md5(keys.api_v2_key)));
  }
  const type = (fields.sign || '').length === 64 ? Hash.ALGO_HMAC_SHA256 : Hash.ALGO_MD5;
  return Hash.equals(Hash.sign(type, fields, keys.api_v2_key), fields.sign) ? fields : undefined;
}

function v3(headers, body, kind) {
  const message = Formatter.response(headers.get('Wechatpay-Timestamp'), headers.get('Wechatpay-Nonce'), body);
  const publicKey = publicKeys[headers.get('Wechatpay-Serial')];
  if (!Rsa.verify(message, headers.get('Wechatpay-Signature'), publicKey)) return undefined;
  if (kind === 'answer') return {};
  const { resource } = JSON.parse(body);
  return JSON.parse(Aes.AesGcm.decrypt(resource.ciphertext, keys.api_v3_key, resource.nonce, resource.associated_data));
}

function expect({ name, kind, protocol, numbers = keys.numbers }, content) {
  if (kind === 'answer') return;
  const refund = protocol === 'V2' ? content.refund_fee : content.amount && content.amount.refund;
  const total = protocol === 'V2' ? content.total_fee : content.amount && content.amount.total;
  for (const key of ['out_trade_no', 'out_refund_no', 'contract_code']) {
    if (key in content) assert.strictEqual(content[key], numbers[key], name);
  }
  if (total !== undefined) assert.strictEqual(Number(total), numbers.total, name);
  if (refund !== undefined) assert.strictEqual(Number(refund), numbers.refund, name);
}
