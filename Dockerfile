# syntax=docker/dockerfile:1
# For CPUs:  docker build --tag genolift .
# For GPUs:  docker build --tag genolift:gpu --build-arg EXTRAS=gpu,bigwig,cluster,explore,motifs .
# CUDA comes with TensorFlow's own packages, so both have the same base; the host needs the driver alone.
ARG BASE=python:3.12-slim

FROM ${BASE} AS build
WORKDIR /source
COPY pyproject.toml setup.cfg README.md LICENSE ./
COPY genolift genolift
COPY simulations simulations
RUN pip install --no-cache-dir build && python -m build --wheel --outdir /wheels

FROM ${BASE}
ARG EXTRAS=bigwig,cluster,explore,motifs
# The home is open to all, because `docker run --user` gives a user whom the image does not know a place for caches.
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir "$(ls /wheels/*.whl)[${EXTRAS}]" \
    && useradd --create-home --home-dir /home/genolift --uid 1000 genolift \
    && chmod 1777 /home/genolift \
    && mkdir /data && chown genolift /data
ENV HOME=/home/genolift NVIDIA_DRIVER_CAPABILITIES=compute,utility
USER 1000
WORKDIR /data
ENTRYPOINT ["genolift"]
CMD ["--help"]
