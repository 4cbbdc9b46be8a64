#!/bin/sh
# Writes the certificates and keys of this folder that rcgen cannot make: unsupported algorithms, and forms of key files.
# Run it in this folder with OpenSSL 3; the tests only read what it wrote. Everything is valid for a hundred years.
set -eu
days=36500
names="subjectAltName=DNS:host.example,IP:127.0.0.1"

# A P-521 authority, and a P-256 certificate that it signed.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-521 -noenc -keyout p521.key -out p521.pem -days $days \
   -subj "/CN=P-521 authority"
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout pkcs8.key -out request -subj "/CN=host.example"
printf '%s\n' "$names" > extensions
openssl x509 -req -in request -CA p521.pem -CAkey p521.key -days $days -extfile extensions -out by-p521.pem

# An RSA authority, a certificate that it signed with SHA-1, and one that it signed for a P-521 key.
openssl req -x509 -newkey rsa:2048 -noenc -keyout rsa.key -out rsa.pem -days $days -subj "/CN=RSA authority"
openssl x509 -req -in request -CA rsa.pem -CAkey rsa.key -days $days -extfile extensions -sha1 -out by-sha1.pem
openssl req -new -key p521.key -out p521-request -subj "/CN=host.example"
openssl x509 -req -in p521-request -CA rsa.pem -CAkey rsa.key -days $days -extfile extensions -out for-p521.pem

# The P-256 certificate's key in each form: PKCS #8 (pkcs8.key), SEC 1 with its parameters, encrypted in two ways; and a
# certificate for it. An RSA key as PKCS #1.
openssl x509 -req -in request -CA rsa.pem -CAkey rsa.key -days $days -extfile extensions -out client.pem
{ openssl ecparam -name prime256v1; openssl ec -in pkcs8.key; } > sec1.key
openssl pkcs8 -topk8 -in pkcs8.key -passout pass:secret -out encrypted-pkcs8.key
openssl ec -in pkcs8.key -aes128 -passout pass:secret -out encrypted-sec1.key
openssl rsa -in rsa.key -traditional -out pkcs1.key

# Keys that are not supported: P-521 as SEC 1, DSA, Ed448, and RSA of 1024 bits as PKCS #8 and PKCS #1, with
# a certificate.
openssl ec -in p521.key -out p521-sec1.key
openssl dsaparam -genkey 2048 | openssl pkcs8 -topk8 -nocrypt -out dsa.key
openssl genpkey -algorithm ED448 -out ed448.key
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out rsa1024.key
openssl rsa -in rsa1024.key -traditional -out rsa1024-pkcs1.key
openssl req -x509 -new -key rsa1024.key -out rsa1024.pem -days $days -subj "/CN=host.example"

# A certificate of X.509 version 1.
openssl x509 -req -in request -CA rsa.pem -CAkey rsa.key -days $days -x509v1 -out version1.pem 2>/dev/null ||
   openssl x509 -req -in request -CA rsa.pem -CAkey rsa.key -days $days -out version1.pem

# The RSA authority as a trusted certificate: for any use, for servers, for mail alone, refused for servers.
openssl x509 -in rsa.pem -trustout -setalias "an alias" -out trusted.pem
openssl x509 -in rsa.pem -trustout -addtrust serverAuth -out trusted-for-servers.pem
openssl x509 -in rsa.pem -trustout -addtrust emailProtection -out trusted-for-mail.pem
openssl x509 -in rsa.pem -trustout -addreject serverAuth -out refused-for-servers.pem
rm -f request p521-request extensions rsa.key
