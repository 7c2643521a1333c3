// WeChat's answers (`answers.json`, `answers_v3.json`) signed by wechatpay-axios-plugin: the client must believe them.
'use strict';

const { readFileSync } = require('fs');
const { join } = require('path');
const { Aes, Formatter, Hash, Rsa, Transformer } = require('wechatpay-axios-plugin');
const { version } = require('wechatpay-axios-plugin/package.json');

const API_V2_KEY = '192006250b4c09247ec02edce69f6a2d';
const API_V3_KEY = 'a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb';
const CERTIFICATE_SERIAL = '440024045C4A427599D09BB4E3DE0279F2E813FD';
const SERIALS = ['PUB_KEY_ID_0116571234562024052000123400000000', CERTIFICATE_SERIAL];
const NOW = 1795223700;
const KEYS = join(__dirname, '../../sandbox/counterparty/keys');
const privateKey = Rsa.from(readFileSync(join(KEYS, 'wechat_pay_private_key.pem'), 'utf8'));
const answers = JSON.parse(readFileSync(join(__dirname, 'answers.json'), 'utf8'));

const cases = answers.flatMap(({ call, name, fields }) => [Hash.ALGO_MD5, Hash.ALGO_HMAC_SHA256].map((type) => {
  const sign = Hash.sign(type, fields, API_V2_KEY);
  return { id: `${call}: ${name}, ${type}`, call, body: Transformer.toXml({ ...fields, sign }) };
}));

const answersV3 = JSON.parse(readFileSync(join(__dirname, 'answers_v3.json'), 'utf8'));
const pairs = answersV3.flatMap((answer) => SERIALS.map((serial) => [answer, serial]));
const v3 = pairs.map(([answer, serial], index) => {
  const nonce = String(index + 1).padStart(32, '0');
  const said = content(answer);
  const body = said === null ? '' : JSON.stringify(said);
  const headers = {
    'Wechatpay-Serial': serial,
    'Wechatpay-Signature': Rsa.sign(Formatter.response(NOW, nonce, body), privateKey),
    'Wechatpay-Timestamp': String(NOW),
    'Wechatpay-Nonce': nonce,
    'Wechatpay-Signature-Type': 'WECHATPAY2-SHA256-RSA2048',
  };
  const { call, name, status } = answer;
  return { id: `${call}: ${name}, ${serial.slice(0, 10)}`, call, status, headers, body };
});

function content({ body, seal }) {
  if (!seal) return body;
  const nonce = 'axios-answer';
  const certificate = readFileSync(join(KEYS, seal), 'utf8');
  const ciphertext = Aes.AesGcm.encrypt(certificate, API_V3_KEY, nonce, 'certificate');
  return {
    data: [{
      serial_no: CERTIFICATE_SERIAL,
      effective_time: '2022-05-10T10:04:30+08:00',
      expire_time: '2027-05-09T10:04:30+08:00',
      encrypt_certificate: { algorithm: 'AEAD_AES_256_GCM', nonce, associated_data: 'certificate', ciphertext },
    }],
  };
}

const made = { made_by: `wechatpay-axios-plugin ${version}`, script: 'tests/judges/make_answers.cjs', now: NOW, cases, v3 };
console.log(JSON.stringify(made, null, 1));
