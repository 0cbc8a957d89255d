# Launcher and workers of a Dataflow job, in one image. Its context is written by: npm run images -- dataflow
ARG BASE
ARG LAUNCHER=gcr.io/dataflow-templates-base/python311-template-launcher-base:latest
FROM ${LAUNCHER} AS launcher
FROM ${BASE}
COPY --from=launcher /opt/google/dataflow/python_template_launcher /opt/google/dataflow/python_template_launcher
COPY nodejs/ /nodejs/
COPY app/ /app/
COPY template/ /template/
ENV FLEX_TEMPLATE_PYTHON_PY_FILE=/template/pipeline.py \
    RUN_PYTHON_SDK_IN_DEFAULT_ENVIRONMENT=1 \
    TRIBUTARY_EXTRACTOR='["/nodejs/bin/node","/app/main.js"]'
WORKDIR /template
ENTRYPOINT ["/opt/apache/beam/boot"]
