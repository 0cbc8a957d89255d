/** A service that tells what it was asked and what it was given, for tests of the doors before it. */
import { createServer } from 'node:http';

createServer((request, response) => {
  const { method, url, headers } = request;
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ method, url, headers, environment: process.env }));
}).listen(Number(process.env.PORT), '127.0.0.1');
