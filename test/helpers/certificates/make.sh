#!/bin/sh
# Makes the certificates of the tests anew, beside this script. They are committed, because a machine that
# runs the tests may have no openssl. They are valid from 2020 to 2120, but the one that is to be expired.
#
# Nothing outside the tests trusts them. The authorities' keys are thrown away.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# "openssl ca" and not "openssl x509", which can not set the first day before version 3.4.
cat >"$work/ca.conf" <<CONF
[ca]
default_ca = tests
[tests]
database = $work/index
new_certs_dir = $work
rand_serial = yes
unique_subject = no
default_md = sha256
policy = any
[any]
commonName = supplied
[authority]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
[local]
subjectAltName = IP:127.0.0.1, DNS:localhost
[elsewhere]
subjectAltName = DNS:receiver.example
[client]
extendedKeyUsage = clientAuth
CONF
: >"$work/index"

request() { # key-file common-name
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$2" \
    -keyout "$1" -out "$work/request.pem"
}

sign() { # file extensions last-day signer...
  file=$1 extensions=$2 last_day=$3
  shift 3
  openssl ca -batch -notext -config "$work/ca.conf" -extensions "$extensions" \
    -startdate 20200101000000Z -enddate "${last_day}000000Z" \
    -in "$work/request.pem" -out "$file.pem" "$@"
}

authority() { # file common-name
  request "$work/$1.pem" "$2"
  sign "$1" authority 21200101 -selfsign -keyfile "$work/$1.pem"
}

leaf() { # file common-name extensions authority [last-day]
  request "$1-key.pem" "$2"
  sign "$1" "$3" "${5:-21200101}" -cert "$4.pem" -keyfile "$work/$4.pem"
}

authority ca 'signalbox test authority'
authority other-ca 'signalbox other test authority'
leaf server localhost local ca
leaf wrong-host receiver.example elsewhere ca
leaf expired localhost local ca 20200201
leaf client 'signalbox test client' client ca
leaf other-client 'signalbox other test client' client other-ca
authority next-ca 'signalbox next test authority'
leaf next-server localhost local next-ca
leaf next-client 'signalbox next test client' client next-ca
