# refold with all that it runs on in production: Kafka, PostgreSQL, metrics, traces.
#   docker build -t refold .
#   docker run --rm refold demo exchange --log /tmp/demo
# A system of your own: FROM refold, install your package, set REFOLD_SYSTEMS.
ARG PYTHON_IMAGE=python:3.12-slim

FROM ${PYTHON_IMAGE} AS build
WORKDIR /build
RUN python3 -m venv --without-pip /opt/refold
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
# Dependencies first, in the versions of the lock: a change of the sources leaves their layer be.
# Wheels only, so no compiler is needed, here either.
COPY pyproject.toml requirements.lock README.md ./
RUN mkdir log processors projections replay gateway \
 && python3 -m pip --python /opt/refold/bin/python install --quiet --only-binary :all: \
      --constraint requirements.lock ".[kafka,postgresql,metrics,tracing,media,s3,http]"
COPY . .
RUN python3 -m pip --python /opt/refold/bin/python install --quiet --no-deps --force-reinstall .

FROM ${PYTHON_IMAGE}
# Workers of media.video need ffmpeg: FROM refold, and `apt-get install ffmpeg` as root.
RUN groupadd --gid 1000 refold \
 && useradd --uid 1000 --gid refold --no-create-home --home-dir /var/lib/refold refold \
 && install --directory --owner refold --group refold /var/lib/refold
COPY --from=build /opt/refold /opt/refold
ENV PATH=/opt/refold/bin:$PATH PYTHONUNBUFFERED=1 REFOLD_HEALTH_PORT=8081
USER refold
# The default log, `.refold`, is made here: mount a volume to keep it.
WORKDIR /var/lib/refold
EXPOSE 8080 8081
# Healthy: the worker's loop comes round. Containers that run no worker do not answer.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 CMD python3 -c \
  "from urllib.request import urlopen; urlopen('http://127.0.0.1:$REFOLD_HEALTH_PORT/live')"
ENTRYPOINT ["refold"]
