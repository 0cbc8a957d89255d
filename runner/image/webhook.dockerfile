# The webhook of a platform. Its context is written by: npm run images -- webhook
ARG BASE
FROM ${BASE}
COPY app/ /app/
WORKDIR /app
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/nodejs/bin/node", "/app/server.js"]
CMD []
