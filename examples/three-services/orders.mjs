// @ts-check
// Does not know whose orders these are, and has not a line about it: the key comes from the gateway, signed.

import { once } from 'node:events';
import http from 'node:http';
import { listen } from './listen.mjs';

const { BILLING_URL } = process.env;

listen(
  http.createServer(async (request, response) => {
    const id = request.url?.split('/').at(-1);
    const [invoice] = await once(http.get(`${BILLING_URL}/invoices/${id}`), 'response');
    invoice.pipe(response);
  }),
);
