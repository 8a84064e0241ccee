# A static binary in an empty image: nothing to log into, nothing to patch but Evenkeel itself. The same file builds for
# linux/amd64 and linux/arm64.
FROM rust:1.95-alpine AS build
# Alpine keeps only the newest version of a package, so none is pinned here. cargo-auditable makes the list of crates part of the
# binary, for scanners.
# hadolint ignore=DL3018
RUN apk add --no-cache ca-certificates musl-dev && cargo install --locked cargo-auditable@0.7.7
WORKDIR /src
COPY . .
RUN cargo auditable build --release --locked -p evenkeel

FROM scratch
ARG VERSION=unknown
ARG REVISION=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="Evenkeel" \
      org.opencontainers.image.description="A Kubernetes controller that keeps OpenStack Octavia load balancers on an even keel" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.source="$SOURCE"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /src/target/release/evenkeel /evenkeel
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/evenkeel"]
CMD ["run"]
