# The runner of a tenant. Its context is written by: npm run images -- runner
ARG BASE
FROM ${BASE}
COPY app/ /app/
WORKDIR /app
USER 65532:65532
ENTRYPOINT ["/nodejs/bin/node", "/app/main.js"]
CMD []
