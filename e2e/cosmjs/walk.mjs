// An unmodified CosmJS against a running chain: what an outsider may not do, and a relationship from opening to
// grant. Run by e2e/tests/cosmjs.rs as `node walk.mjs CASE.json`; prints what it saw as one line of JSON.
//
// CASE.json: { rpc, gasPrice, contracts: { registrar, relationship }, codeId, wasm, secrets: { outsider, delegate,
// patient } (hex), messages: { open, accept, grant } }. Keys come by file, never by argument.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { SigningCosmWasmClient } from "@cosmjs/cosmwasm";
import { fromHex } from "@cosmjs/encoding";
import { DirectSecp256k1Wallet } from "@cosmjs/proto-signing";
import { calculateFee, GasPrice } from "@cosmjs/stargate";
import { Comet38Client } from "@cosmjs/tendermint-rpc";

const given = JSON.parse(readFileSync(process.argv[2], "utf8"));
const { registrar, relationship } = given.contracts;
const gasPrice = GasPrice.fromString(given.gasPrice);

/** Somebody with a key: address and a client that signs for it, made the way any app makes it. */
async function connect(secret) {
  const wallet = await DirectSecp256k1Wallet.fromKey(fromHex(secret), "medrec");
  const [{ address }] = await wallet.getAccounts();
  const options = { gasPrice, broadcastPollIntervalMs: 200 };
  return { address, client: await SigningCosmWasmClient.connectWithSigner(given.rpc, wallet, options) };
}

/** Gas of having an allowance pay: CosmJS simulates without a fee, so its figure lacks it. */
const ALLOWANCE_GAS = 50_000;

/** A call that the relationship contract's allowance pays. */
async function act({ address, client }, msg) {
  const call = {
    typeUrl: "/cosmwasm.wasm.v1.MsgExecuteContract",
    value: { sender: address, contract: relationship, msg: Buffer.from(JSON.stringify(msg)), funds: [] },
  };
  const gas = Math.ceil((await client.simulate(address, [call], "")) * 1.4) + ALLOWANCE_GAS;
  return client.execute(address, relationship, msg, { ...calculateFee(gas, gasPrice), granter: relationship });
}

/** The chain's words against an attempt; it is an error if there are none. */
async function refused(attempt) {
  const done = await attempt.then((result) => result, (error) => error);
  assert.ok(done instanceof Error, `this was to be refused: ${JSON.stringify(done)}`);
  return done.message;
}

/** Each attempt twice: as simulated, and with a fee of its own so that it comes before a block. */
async function outsiderIsRefused(outsider) {
  const { address, client } = outsider;
  const wasm = readFileSync(given.wasm);
  const fee = calculateFee(5_000_000, gasPrice);
  const empty = { consortium: address, registration: "institutions", institutions: [] };
  const salt = Buffer.from("outsider");
  const init = (fee) => client.instantiate(address, given.codeId, empty, "mine", fee);
  const init2 = (fee) => client.instantiate2(address, given.codeId, salt, empty, "mine", fee);
  return {
    upload: [await refused(client.upload(address, wasm, "auto")), await refused(client.upload(address, wasm, fee))],
    instantiate: [await refused(init("auto")), await refused(init(fee))],
    instantiate2: [await refused(init2("auto")), await refused(init2(fee))],
    migrate: [await refused(client.migrate(address, relationship, given.codeId, { same: {} }, fee))],
    admit: [await refused(client.execute(address, relationship, { admit: { delegates: [address] } }, fee))],
    open: [await refused(client.execute(address, relationship, given.messages.open, fee))],
    send: [await refused(client.sendTokens(address, relationship, [{ denom: "ufee", amount: "1" }], fee))],
  };
}

const outsider = await connect(given.secrets.outsider);
const delegate = await connect(given.secrets.delegate);
const patient = await connect(given.secrets.patient);

const comet = patient.client.getCometClient();
assert.ok(comet instanceof Comet38Client, `CosmJS picked ${comet?.constructor.name}`);

const codesBefore = await outsider.client.getCodes();
const refusals = await outsiderIsRefused(outsider);
assert.deepEqual(await outsider.client.getCodes(), codesBefore, "the codes changed");
for (const { id } of codesBefore) {
  assert.equal((await outsider.client.getContracts(id)).length, 1, `one contract of code ${id}`);
}

const opened = await act(delegate, given.messages.open);
const accepted = await act(patient, given.messages.accept);
const granted = await act(patient, given.messages.grant);

const query = (msg) => patient.client.queryContractSmart(relationship, msg);
const mine = await query({ relationships: { addresses: [patient.address] } });
const id = mine.relationships[0].id;
const found = await patient.client.getTx(granted.transactionHash);
assert.equal(found.height, granted.height);

console.log(
  JSON.stringify({
    comet: comet.constructor.name,
    refusals,
    events: [opened, accepted, granted].map((tx) => tx.events.map((e) => e.type).filter((t) => t.startsWith("wasm"))),
    relationship: await query({ relationship: { id } }),
    grants: await query({ grants: { ids: [id] } }),
    grantsTo: await query({ grants_to: { viewer: given.messages.grant.grant.viewer } }),
    institutions: await patient.client.queryContractSmart(registrar, { institutions: {} }),
    missing: await refused(query({ relationship: { id: id + 1 } })),
  }),
);
