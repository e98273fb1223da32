# SPDX-License-Identifier: Apache-2.0
"""Real fixtures for the tests and the demo: packages, repositories, nodes, a server that misbehaves.

rpms    build and sign small RPMs with rpmbuild
repos   repositories by createrepo_c, advisories, signatures
node    a directory that stands for a machine
server  an HTTP server on loopback that can stall, cut, corrupt, redirect, be a proxy
aws     AWS Systems Manager, S3 and instance metadata on loopback, checked by AWS's own SDK
al2     an Amazon Linux 2 node and its repositories, made of all of these
demo    the same from the command line: python3 -m klpdtest.demo DIR
"""
