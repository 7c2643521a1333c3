// WeChat's answers (`answers.json`, and those of the V3 notice) signed by wechatpay-axios-plugin: the client must believe them.
'use strict';

const { readFileSync } = require('fs');
const { join } = require('path');
const { Formatter, Hash, Rsa, Transformer } = require('wechatpay-axios-plugin');
const { version } = require('wechatpay-axios-plugin/package.json');

const API_V2_KEY = '192006250b4c09247ec02edce69f6a2d';
const NOW = 1795223700;
const KEYS = join(__dirname, '../../sandbox/counterparty/keys');
const privateKey = Rsa.from(readFileSync(join(KEYS, 'wechat_pay_private_key.pem'), 'utf8'));
const answers = JSON.parse(readFileSync(join(__dirname, 'answers.json'), 'utf8'));

const cases = answers.flatMap(({ call, name, fields }) => [Hash.ALGO_MD5, Hash.ALGO_HMAC_SHA256].map((type) => {
  const sign = Hash.sign(type, fields, API_V2_KEY);
  return { id: `${call}: ${name}, ${type}`, call, body: Transformer.toXml({ ...fields, sign }) };
}));

const notices = [[204, ''], [400, JSON.stringify({ code: 'RESOURCE_ALREADY_EXISTS', message: '通知已发送' })]];
const v3 = notices.map(([status, body], index) => {
  const nonce = String(index + 1).padStart(32, '0');
  const headers = {
    'Wechatpay-Serial': 'PUB_KEY_ID_0116571234562024052000123400000000',
    'Wechatpay-Signature': Rsa.sign(Formatter.response(NOW, nonce, body), privateKey),
    'Wechatpay-Timestamp': String(NOW),
    'Wechatpay-Nonce': nonce,
    'Wechatpay-Signature-Type': 'WECHATPAY2-SHA256-RSA2048',
  };
  return { id: `notify: ${status}`, status, headers, body };
});

const made = { made_by: `wechatpay-axios-plugin ${version}`, script: 'tests/judges/make_answers.cjs', now: NOW, cases, v3 };
console.log(JSON.stringify(made, null, 1));
