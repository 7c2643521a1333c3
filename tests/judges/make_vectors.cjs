// Notices signed and sealed by wechatpay-axios-plugin, with fixed inputs: `v2` or `v3` on the command line.
'use strict';

const { readFileSync } = require('fs');
const { join } = require('path');
const { Aes, Formatter, Hash, Rsa, Transformer } = require('wechatpay-axios-plugin');
const { version } = require('wechatpay-axios-plugin/package.json');

const API_V2_KEY = '192006250b4c09247ec02edce69f6a2d';
const API_V3_KEY = 'a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb';
const PRIVATE_KEY = Rsa.from(
  readFileSync(join(__dirname, '../../sandbox/counterparty/keys/wechat_pay_private_key.pem'), 'utf8'),
);
const PUBLIC_KEY_ID = 'PUB_KEY_ID_0116571234562024052000123400000000';
const CERTIFICATE_SERIAL = '440024045C4A427599D09BB4E3DE0279F2E813FD';
const NOW = 1795223700;

const PAYMENT = {
  appid: 'wx2421b1c4370ec43b',
  mch_id: '10000100',
  nonce_str: '5d2b6c2a8db53831f7eda20af46e531c',
  openid: 'onqOjjmM1tad-3ROpncN-yUfa6ua',
  out_trade_no: '01JD3Q0VZC5W8K2M7N4PF0',
  result_code: 'SUCCESS',
  return_code: 'SUCCESS',
  time_end: '20261121091500',
  total_fee: '1800',
  trade_type: 'APP',
  transaction_id: '4200000000202611210000000001',
};
const V2_CASES = {
  'payment in plain text': PAYMENT,
  'payment with Chinese, entities and an unknown field': { ...PAYMENT, attach: '会员 & <年卡> "引号"', some_future_field: '未知' },
  'payment that names its sign_type': { ...PAYMENT, sign_type: 'HMAC-SHA256' },
};
const REFUND = {
  out_refund_no: '01JD3Q0VZC5W8K2M7N4PF0R1',
  out_trade_no: '01JD3Q0VZC5W8K2M7N4PF0',
  refund_account: 'REFUND_SOURCE_UNSETTLED_FUNDS',
  refund_fee: '1800',
  refund_id: '50000000002026112100000000001',
  refund_recv_accout: '招商银行信用卡0403',
  refund_request_source: 'VENDOR_PLATFORM',
  refund_status: 'SUCCESS',
  settlement_refund_fee: '1800',
  success_time: '2026-11-21 09:16:00',
  total_fee: '1800',
  transaction_id: '4200000000202611210000000001',
};

const made = process.argv[2] === 'v2' ? v2() : v3();
console.log(JSON.stringify({ made_by: `wechatpay-axios-plugin ${version}`, script: 'tests/judges/make_vectors.cjs', ...made }, null, 1));

function v2() {
  const cases = Object.entries(V2_CASES).flatMap(([name, fields]) => {
    const types = fields.sign_type ? [fields.sign_type] : [Hash.ALGO_MD5, Hash.ALGO_HMAC_SHA256];
    return types.map((type) => {
      const sign = Hash.sign(type, fields, API_V2_KEY);
      return { id: `${name}, ${type}`, sign_type: type, fields, sign, body: Transformer.toXml({ ...fields, sign }) };
    });
  });
  return { api_v2_key: API_V2_KEY, cases, refunds: [refund()] };
}

function refund() {
  // Its padding leaves out the block that PKCS#7 wants after a full one, so the length must not be a multiple of 16.
  const plaintext = Transformer.toXml(REFUND).replace('<xml>', '<root>').replace('</xml>', '</root>');
  if (Buffer.byteLength(plaintext) % 16 === 0) throw new Error('choose other numbers');
  const outer = { return_code: 'SUCCESS', appid: PAYMENT.appid, mch_id: PAYMENT.mch_id, nonce_str: 'TeqClE3i0mvn3DrK' };
  const reqInfo = Aes.AesEcb.encrypt(plaintext, Hash.md5(API_V2_KEY));
  return { id: 'refund from the platform', fields: REFUND, plaintext, body: Transformer.toXml({ ...outer, req_info: reqInfo }) };
}

function v3() {
  const payment = {
    transaction_id: '4200000000202611210000000001',
    amount: { payer_total: 1800, total: 1800, currency: 'CNY', payer_currency: 'CNY' },
    mchid: '10000100',
    trade_state: 'SUCCESS',
    bank_type: 'OTHERS',
    success_time: '2026-11-21T09:15:00+08:00',
    payer: { openid: 'onqOjjmM1tad-3ROpncN-yUfa6ua' },
    out_trade_no: '01JD3Q0VZC5W8K2M7N4PF0',
    appid: 'wx2421b1c4370ec43b',
    trade_state_desc: '支付成功',
    trade_type: 'JSAPI',
    attach: '自定义数据/😀\u2028',
  };
  const refunded = {
    mchid: '10000100',
    out_trade_no: '01JD3Q0VZC5W8K2M7N4PF0',
    transaction_id: '4200000000202611210000000001',
    out_refund_no: '01JD3Q0VZC5W8K2M7N4PF0R1',
    refund_id: '50000000002026112100000000001',
    refund_status: 'SUCCESS',
    success_time: '2026-11-21T09:16:00+08:00',
    user_received_account: '招商银行信用卡0403',
    amount: { total: 1800, refund: 1800, payer_total: 1800, payer_refund: 1800 },
  };
  const contract = {
    mchid: '10000100',
    appid: 'wx2421b1c4370ec43b',
    openid: 'onqOjjmM1tad-3ROpncN-yUfa6ua',
    plan_id: 12535,
    contract_id: '202611210000000001',
    out_contract_code: '01JD3Q0VZC5W8K2M7N4P',
    contract_display_account: '微信代扣用户A',
    contract_state: 'SIGNED',
    contract_signed_time: '2026-11-21T09:15:00+08:00',
  };
  const cases = [
    notice(1, 'payment', 'TRANSACTION.SUCCESS', 'transaction', payment),
    notice(2, 'contract', 'ENTRUST.SIGN', 'entrust', contract),
    notice(4, 'payment by certificate, with unknown members', 'TRANSACTION.SUCCESS', 'transaction', { 新字段: ['值', null, 1.5], ...payment }, CERTIFICATE_SERIAL),
    notice(5, 'refund by certificate', 'REFUND.SUCCESS', 'refund', refunded, CERTIFICATE_SERIAL),
    notice(3, 'unknown event', 'PAPAY.SOMETHING_NEW', 'papay', { any: '东西' }),
  ];
  return { now: NOW, api_v3_key: API_V3_KEY, keys: 'sandbox/counterparty/keys/wechat_pay_*.pem', cases };
}

function notice(number, id, eventType, originalType, content, serial = PUBLIC_KEY_ID) {
  const plaintext = JSON.stringify(content);
  const nonce = `axios-${String(number).padStart(6, '0')}`;
  const body = JSON.stringify({
    id: `EV-${number}`,
    create_time: '2026-11-21T09:15:00+08:00',
    resource_type: 'encrypt-resource',
    event_type: eventType,
    summary: '通知',
    resource: {
      original_type: originalType,
      algorithm: 'AEAD_AES_256_GCM',
      ciphertext: Aes.AesGcm.encrypt(plaintext, API_V3_KEY, nonce, originalType),
      associated_data: originalType,
      nonce,
    },
  });
  const headerNonce = String(number).padStart(32, '0');
  const headers = {
    'Wechatpay-Serial': serial,
    'Wechatpay-Signature': Rsa.sign(Formatter.response(NOW, headerNonce, body), PRIVATE_KEY),
    'Wechatpay-Timestamp': String(NOW),
    'Wechatpay-Nonce': headerNonce,
    'Wechatpay-Signature-Type': 'WECHATPAY2-SHA256-RSA2048',
  };
  return { id, headers, body, plaintext };
}
