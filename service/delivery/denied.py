"""Networks that no push may enter unless the operator opens them. Python's `is_global` lets several of them through.

Version 1, everywhere, from 2026-11-01. Source: the deny-list of the Svix server joined with the IANA special-purpose
registries (IPv4 and IPv6), plus the two retired IPv6 forms that carry an IPv4 address.
"""

from __future__ import annotations

from ipaddress import ip_network

_REASONS = {
    "0.0.0.0/8": "this network, RFC 791",
    "10.0.0.0/8": "private, RFC 1918",
    "100.64.0.0/10": "carrier NAT, RFC 6598; also a cloud's metadata service",
    "127.0.0.0/8": "loopback, RFC 1122",
    "169.254.0.0/16": "link-local, RFC 3927; metadata services of clouds",
    "172.16.0.0/12": "private, RFC 1918",
    "192.0.0.0/24": "protocol assignments, RFC 6890",
    "192.0.2.0/24": "documentation, RFC 5737",
    "192.88.99.0/24": "6to4 relays, RFC 7526",
    "192.168.0.0/16": "private, RFC 1918",
    "198.18.0.0/15": "benchmarks, RFC 2544",
    "198.51.100.0/24": "documentation, RFC 5737",
    "203.0.113.0/24": "documentation, RFC 5737",
    "224.0.0.0/4": "multicast, RFC 5771",
    "240.0.0.0/4": "reserved and broadcast, RFC 1112",
    "::/96": "unspecified, loopback and the retired IPv4-compatible form, RFC 4291",
    "::ffff:0:0:0/96": "IPv4-translated form, RFC 2765",
    "64:ff9b::/96": "NAT64, RFC 6052: carries an IPv4 address",
    "64:ff9b:1::/48": "local NAT64, RFC 8215",
    "100::/64": "discard, RFC 6666",
    "2001::/32": "Teredo, RFC 4380: carries an IPv4 address",
    "2001:db8::/32": "documentation, RFC 3849",
    "2002::/16": "6to4, RFC 3056: carries an IPv4 address",
    "3fff::/20": "documentation, RFC 9637",
    "5f00::/16": "segment routing, RFC 9602",
    "fc00::/7": "unique local, RFC 4193",
    "fe80::/10": "link-local, RFC 4291",
    "fec0::/10": "retired site-local, RFC 3879",
    "ff00::/8": "multicast, RFC 4291",
}

DENIED = tuple(ip_network(text) for text in _REASONS)
