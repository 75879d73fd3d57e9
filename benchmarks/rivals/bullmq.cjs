// BullMQ, one job per item: `node bullmq.cjs work` or `node bullmq.cjs send ITEMS`.
// Its packages are found through NODE_PATH. Environment: RIVAL_SOCKET, RIVAL_URL, RIVAL_TOKEN.
'use strict';

const { Queue, Worker } = require('bullmq');
const { Pool } = require('undici');

const QUEUE = 'users';
const BATCH = 1000;
const connection = { path: process.env.RIVAL_SOCKET, maxRetriesPerRequest: null };
// Nothing is kept of a job that is done, which is quickest; a user who wants results keeps them.
const options = { removeOnComplete: true, removeOnFail: false };

function work() {
  const url = new URL(process.env.RIVAL_URL);
  const concurrency = Number(process.env.RIVAL_CONCURRENCY);
  const pool = new Pool(url.origin, { connections: concurrency, pipelining: 1 });
  const token = process.env.RIVAL_TOKEN;
  const call = async (job) => {
    const body = JSON.stringify({ op: 'useradd', token, user: job.data });
    const { body: answer } = await pool.request({
      path: url.pathname,
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    if ((await answer.json()).result !== true) throw new Error('not added');
  };
  const worker = new Worker(QUEUE, call, { connection, concurrency });
  // It would go on for ever, saying the same.
  worker.on('error', (error) => process.exit((console.error(error.message), 1)));
  const end = () => {
    worker.close(true).then(() => process.exit(0));
    setTimeout(() => process.exit(1), 3000); // its store may be gone already
  };
  process.on('SIGTERM', end);
  // A worker outlives nobody: its standard input ends with the benchmark.
  process.stdin.on('end', end).resume();
}

async function send(items) {
  const queue = new Queue(QUEUE, { connection });
  await queue.waitUntilReady();
  const began = process.hrtime.bigint();
  for (let first = 0; first < items; first += BATCH) {
    const jobs = [];
    for (let number = first; number < Math.min(first + BATCH, items); number++) {
      const address = `user${String(number).padStart(8, '0')}@tenant.example`;
      jobs.push({ name: 'useradd', data: { address, name: `User ${number}` }, opts: options });
    }
    await queue.addBulk(jobs);
  }
  console.log(Number(process.hrtime.bigint() - began) / 1e9);
  await queue.close();
}

if (process.argv[2] === 'work') work();
else send(Number(process.argv[3]));
