#!/usr/bin/env bash
# Makes the stores of the tests anew, in the folder that it is in. Wants a JDK (keytool, 17 or newer), OpenSSL 3
# and Python 3.
#
# The stores are committed: what other programs write is what the tests read. All certificates are valid for a hundred
# years, all passwords are "changeit", unless a store's name says otherwise.
set -euo pipefail
cd "$(dirname "$0")"
# For passwords that are not ASCII.
export LC_ALL=C.UTF-8
rm -f ./*.jks ./*.p12 ./*.pem ./*.der ./*.jceks
days=36500
pass=changeit

# An authority, and two certificates of it: one for a client by RSA, one by EC.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ca-key.pem -out ca.pem \
    -subj "/O=rohrpost/CN=test ca" -addext "keyUsage=critical,keyCertSign,cRLSign" -days $days
make_leaf() { # name, arguments of the key
    openssl req -new -newkey "${@:2}" -nodes -keyout "$1-key.pem" -out request.csr -subj "/O=rohrpost/CN=$1"
    openssl x509 -req -in request.csr -CA ca.pem -CAkey ca-key.pem -days $days -out "$1.pem" \
        -extfile <(printf 'subjectAltName=DNS:%s.example\nextendedKeyUsage=clientAuth,serverAuth\n' "$1")
    cat "$1.pem" ca.pem > "$1-chain.pem"
}
make_leaf rsa rsa:2048
make_leaf ec ec -pkeyopt ec_paramgen_curve:prime256v1
make_leaf p384 ec -pkeyopt ec_paramgen_curve:secp384r1

# Certificates that Java takes and rustls does not: of X.509 version 1, and signed with SHA-1. Their keys are ec-key.pem.
openssl req -new -key ec-key.pem -out request.csr -subj "/O=rohrpost/CN=v1"
openssl x509 -req -in request.csr -CA ca.pem -CAkey ca-key.pem -days $days -out v1.pem
openssl x509 -req -in request.csr -CA ca.pem -CAkey ca-key.pem -days $days -out sha1.pem -sha1 \
    -extfile <(printf 'subjectAltName=DNS:broker.example\n')

# Private keys in PEM: encrypted as OpenSSL does it now, did it, and in the old form of its own.
openssl pkcs8 -topk8 -in rsa-key.pem -out rsa-key-pbes2.pem -passout pass:$pass
openssl pkcs8 -topk8 -in ec-key.pem -out ec-key-aes128-sha512.pem -v2 aes-128-cbc -v2prf hmacWithSHA512 -passout pass:$pass
openssl pkcs8 -topk8 -in ec-key.pem -out ec-key-pbes2-3des.pem -v2 des3 -v2prf hmacWithSHA1 -passout pass:$pass
openssl pkcs8 -topk8 -in ec-key.pem -out ec-key-pbe-3des.pem -v1 PBE-SHA1-3DES -passout pass:$pass
openssl pkcs8 -topk8 -in ec-key.pem -out ec-key-scrypt.pem -scrypt -passout pass:$pass
openssl rsa -in rsa-key.pem -traditional -out rsa-key-pkcs1.pem
openssl rsa -in rsa-key.pem -traditional -aes128 -out rsa-key-dek.pem -passout pass:$pass
openssl ec -in ec-key.pem -out ec-key-sec1.pem

# PKCS#12 by OpenSSL: as it is now, without encryption, and with the algorithms of before version 3.
p12() { openssl pkcs12 -export -inkey rsa-key.pem -in rsa.pem -certfile ca.pem -name client -passout "pass:$pass" "$@"; }
p12 -out openssl.p12
p12 -out openssl-plain.p12 -keypbe NONE -certpbe NONE
p12 -out openssl-unsealed.p12 -nomac
p12 -out openssl-legacy.p12 -legacy -keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-RC2-40 -macalg sha1
p12 -out openssl-rc2-128.p12 -legacy -keypbe PBE-SHA1-2DES -certpbe PBE-SHA1-RC2-128 -macalg sha1
openssl pkcs12 -export -inkey rsa-key.pem -in rsa.pem -name client -out openssl-empty-password.p12 -passout pass:
openssl pkcs12 -export -nokeys -in ca.pem -out openssl-trust.p12 -passout pass:$pass
python3 variants.py
# Of PKCS#12, keytool's passwords are ASCII; OpenSSL's are not.
openssl pkcs12 -export -nokeys -in ca.pem -out openssl-umlaut.p12 -passout "pass:geheim-größer"
openssl pkcs12 -export -nokeys -in ca.pem -out openssl-umlaut-legacy.p12 -passout "pass:geheim-größer" \
    -legacy -certpbe PBE-SHA1-RC2-40 -macalg sha1

# keytool: what it writes now, what it wrote up to Java 8u300 (the same switch exists still), JKS of its own, and keys
# with a password of theirs.
keystore() { keytool -importkeystore -noprompt -srckeystore openssl.p12 -srcstoretype PKCS12 -srcstorepass $pass -srcalias client "$@"; }
keystore -destkeystore keytool.p12 -deststoretype PKCS12 -deststorepass $pass
keystore -destkeystore keytool-legacy.p12 -deststoretype PKCS12 -deststorepass $pass -J-Dkeystore.pkcs12.legacy
keystore -destkeystore keytool.jks -deststoretype JKS -deststorepass $pass
keystore -destkeystore keytool-key-password.jks -deststoretype JKS -deststorepass $pass -destkeypass "another Schlüssel"
keystore -destkeystore keytool.jceks -deststoretype JCEKS -deststorepass $pass
# Java writes EC keys without their public part.
ec() { keytool -genkeypair -keyalg EC -groupname secp256r1 -alias made -dname "CN=made by keytool, O=rohrpost" -ext san=dns:made.example -validity $days "$@"; }
ec -keystore keytool-ec.p12 -storetype PKCS12 -storepass $pass
ec -keystore keytool-ec.jks -storetype JKS -storepass $pass -keypass $pass
for kind in p12 jks; do
    keytool -exportcert -rfc -alias made -keystore keytool-ec.$kind -storepass $pass > keytool-ec.$kind.pem
done
keytool -genkeypair -keyalg Ed25519 -alias made -dname "CN=made by keytool, O=rohrpost" -validity $days \
    -keystore keytool-ed25519.p12 -storetype PKCS12 -storepass $pass
trust() { keytool -importcert -noprompt -alias "Kafka CA" -file ca.pem "$@"; }
trust -keystore keytool-trust.p12 -storetype PKCS12 -storepass $pass
trust -keystore keytool-trust-legacy.p12 -storetype PKCS12 -storepass $pass -J-Dkeystore.pkcs12.legacy
trust -keystore keytool-trust.jks -storetype JKS -storepass $pass
trust -keystore keytool-trust-umlaut.jks -storetype JKS -storepass "geheim-größer"
trust -keystore keytool-trust-unsealed.p12 -storetype PKCS12 -storepass $pass \
    -J-Dkeystore.pkcs12.certProtectionAlgorithm=NONE -J-Dkeystore.pkcs12.macAlgorithm=NONE
# Two keys in one store, and a password that is the key's alone.
keystore -destkeystore keytool-two.p12 -deststoretype PKCS12 -deststorepass $pass
ec -keystore keytool-two.p12 -storetype PKCS12 -storepass $pass

rm -f request.csr
