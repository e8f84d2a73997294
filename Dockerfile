# assayd in a container, as a user without rights.
#
#   docker build -t assay .                            over a PostgreSQL of yours: ASSAY_DATABASE_URL_FILE or ASSAY_DATABASE_URL
#   docker build -t assay:embedded --target embedded . with its own PostgreSQL, in the volume /var/lib/assay
#
# What is needed to build is ./dev's list and no other. What is needed to run is held to what the program links by a test.
ARG DEBIAN=debian:bookworm-slim

FROM ${DEBIAN} AS build
WORKDIR /src
# The packages in a layer of their own: they change when ./dev does.
COPY dev ./
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $(./dev packages build) \
 && rm -rf /var/lib/apt/lists/*
COPY . .
RUN ./dev install /out

FROM ${DEBIAN} AS runtime
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      ca-certificates libcjose0 libcurl4 libgnutls30 libjansson4 libmicrohttpd12 libpq5 libssl3 tzdata zlib1g \
 && rm -rf /var/lib/apt/lists/* \
 && groupadd --system --gid 10001 assay \
 && useradd --system --uid 10001 --gid 10001 --home-dir /var/lib/assay --no-create-home --shell /usr/sbin/nologin assay \
 && install -d -o 10001 -g 10001 -m 0700 /var/lib/assay
COPY --from=build /out/ /
LABEL org.opencontainers.image.title="assayd" \
      org.opencontainers.image.description="Evaluates a network of repair-service providers and works out their pay" \
      org.opencontainers.image.licenses="Apache-2.0"
# Within the container every address; publish the port on loopback or behind a TLS proxy only.
ENV ASSAY_LISTEN=0.0.0.0:8080 ASSAY_STATE_DIR=/var/lib/assay LANG=C.UTF-8
USER 10001:10001
WORKDIR /var/lib/assay
VOLUME /var/lib/assay
EXPOSE 8080
# SIGTERM drains; give it more than ASSAY_DRAIN_SECONDS (docker stop --time). The daemon waits for every process it starts.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["assayd", "health", "--quiet"]
ENTRYPOINT ["assayd"]
CMD ["serve"]

# The server's programs besides. Installing them must leave no second cluster behind.
FROM runtime AS embedded
USER root
RUN mkdir -p /etc/postgresql-common/createcluster.d \
 && printf 'create_main_cluster = false\n' > /etc/postgresql-common/createcluster.d/assay.conf \
 && apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends postgresql-15 \
 && rm -rf /var/lib/apt/lists/*
USER 10001:10001

# What `docker build .` makes.
FROM runtime
