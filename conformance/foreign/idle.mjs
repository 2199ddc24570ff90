// node's fetch on connections that the server closes meanwhile. Arguments: URL, two tokens, the server's seconds.
const [url, token, , keepalive] = process.argv.slice(2);
const headers = { Authorization: token };

async function send(content) {
  const body = JSON.stringify({ roomname: "public", new_message: { type: "text", content } });
  return fetch(`${url}/chat/send`, { method: "POST", body, headers }).then((got) => got.text().then(() => got.ok), () => false);
}

/** How often it is in the history, which may meet a connection that is closing as well. */
async function stored(content) {
  const ask = () => fetch(`${url}/chat/history?roomname=public&limit=200`, { headers });
  const got = await ask().catch(ask);
  return (await got.json()).messages.filter((message) => message.content === content).length;
}

/** Ask, wait, and send on the connection that was kept, if it is there still. */
async function again(pauses, about, mustBeAnswered) {
  const faults = [];
  await Promise.all(pauses.map(async (pause, number) => {
    await (await fetch(`${url}/user/me`, { headers })).text();
    await new Promise((resolve) => setTimeout(resolve, 1000 * pause));
    const content = `${about} ${number}, by node's fetch`;
    const answered = await send(content);
    const count = await stored(content);
    if (mustBeAnswered && !answered) faults.push(`${number}: not answered`);
    if (count > 1 || (answered && count !== 1)) faults.push(`${number}: stored ${count} times`);
  }));
  console.log(JSON.stringify({ about: `node's fetch: ${about}`, fault: faults.join(", ") }));
}

const around = Array.from({ length: 12 }, (_, number) => Number(keepalive) - 0.02 + number * 0.004);
await again([Number(keepalive) + 0.5], "used again after the server closed", true);
await again(around, "used again at that very moment", false);
process.exit(0);
