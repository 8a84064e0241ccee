# A static binary in an empty image: nothing to log into, nothing to patch but Evenkeel itself.
FROM rust:1.95-alpine AS build
RUN apk add --no-cache ca-certificates musl-dev
WORKDIR /src
COPY . .
RUN cargo build --release --locked -p evenkeel

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /src/target/release/evenkeel /evenkeel
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/evenkeel"]
CMD ["run"]
