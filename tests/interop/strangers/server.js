// A TLS server on Node: server.js ADDRESS PORT CERTIFICATE KEY
const fs = require("node:fs");
const https = require("node:https");
const [host, port, cert, key] = process.argv.slice(2);

https
  .createServer({ cert: fs.readFileSync(cert), key: fs.readFileSync(key) })
  .listen(Number(port), host);
