# SPDX-License-Identifier: MIT
"""clients.py - clients that behave badly: they break off, end one half, do not read, stop in the middle of a message."""
import os
import select
import socket
import ssl
import struct
import tty

MOST_UNSENT = 4 << 20


class Client:
    """Over TCP or a Unix socket. Everything is written and read when it is pumped; nothing waits."""

    def __init__(self, name, address):
        self.name = name
        self.unsent, self.reading = b"", True
        self.socket = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
        self.socket.setblocking(False)
        try:
            self.socket.connect(address)
        except BlockingIOError:
            pass
        except OSError:  # nobody listens at present
            self.drop()

    def alive(self):
        return self.socket is not None

    def drop(self):
        if self.socket:
            self.socket.close()
        self.socket = None

    def say(self, data):
        self.unsent = (self.unsent + data)[-MOST_UNSENT:]
        self.write()

    def write(self):
        while self.socket and self.unsent:
            try:
                self.unsent = self.unsent[self.socket.send(self.unsent[:262144]):]
            except BlockingIOError:
                return
            except OSError:
                self.drop()

    def read(self):
        for _ in range(4):
            try:
                data = self.socket.recv(262144) if self.socket else b""
                if not data:
                    self.drop()
                    return
                self.received(data)
            except BlockingIOError:
                return
            except OSError:
                self.drop()
                return

    def received(self, data):
        """It is not looked at."""

    def reset(self):
        if self.socket:
            try:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            except OSError:
                pass
            self.drop()

    def half(self):
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except (OSError, AttributeError):
            pass

    def small(self):
        """It takes little and does not read."""
        self.reading = False
        if self.socket:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)

    def fileno(self):
        return self.socket.fileno()


class TlsClient(Client):
    """The same in TLS, in whose handshake it may stop as well."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    def __init__(self, name, address):
        self.plain, self.incoming, self.outgoing = b"", ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls, self.agreed = self.context.wrap_bio(self.incoming, self.outgoing), False
        super().__init__(name, address)
        self.step()

    def step(self):
        try:
            if not self.agreed:
                self.tls.do_handshake()
                self.agreed = True
            if self.plain:
                self.tls.write(self.plain[:65536])
                self.plain = self.plain[65536:]
            while self.tls.read(65536):
                pass
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:
            self.drop()
        super().say(self.outgoing.read())

    def say(self, data):
        self.plain = (self.plain + data)[-MOST_UNSENT:]
        self.step()

    def received(self, data):
        self.incoming.write(data)
        self.step()


class Datagrams:
    def __init__(self, name, address):
        self.name, self.address, self.reading, self.unsent = name, address, True, b""
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        self.socket.setblocking(False)

    def say(self, data):
        try:
            if self.socket:
                self.socket.sendto(data[:65000], self.address)
        except OSError:
            pass

    alive, drop, fileno = Client.alive, Client.drop, Client.fileno
    reset = half = drop

    def write(self):
        pass

    def read(self):
        for _ in range(16):
            try:
                self.socket.recv(65536)
            except OSError:
                return

    def small(self):
        self.reading = False


class Device:
    """The far end of a UART: a pseudo-terminal behind a link that stays when it is plugged in again."""

    def __init__(self, link):
        self.name, self.link, self.reading, self.unsent = os.path.basename(link), link, True, b""
        self.socket = None
        self.plug()

    def plug(self):
        self.drop()
        master, slave = os.openpty()
        tty.setraw(slave)
        os.set_blocking(master, False)
        if os.path.lexists(self.link):
            os.unlink(self.link)
        os.symlink(os.ttyname(slave), self.link)
        os.close(slave)
        self.socket = os.fdopen(master, "r+b", buffering=0)

    def alive(self):
        return True

    def drop(self):
        if self.socket:
            self.socket.close()
        self.socket = None

    reset = half = drop

    def say(self, data):
        try:
            if self.socket:
                os.write(self.socket.fileno(), data[:4096])
        except OSError:
            pass

    def write(self):
        pass

    def read(self):
        try:
            if self.socket:
                os.read(self.socket.fileno(), 65536)
        except OSError:
            pass

    def small(self):
        self.reading = not self.reading

    def fileno(self):
        return self.socket.fileno()


def pump(clients, seconds=0):
    """Lets them read and write what they can."""
    there = [one for one in clients if one.alive() and one.socket]
    for one in there:
        one.write()
    reading = [one for one in there if one.reading and one.socket]
    if not reading:
        return
    poller = select.poll()
    by_fd = {}
    for one in reading:
        by_fd[one.fileno()] = one
        poller.register(one.fileno(), select.POLLIN)
    for number, _ in poller.poll(seconds * 1000):
        by_fd[number].read()
