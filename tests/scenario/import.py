#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""import.py - `backplane import`: every sample of tests/import becomes what it should be, the host takes it, and it works."""
import os
import random
import re
import stat
import subprocess

from harness import BUILD, PATIENCE, Backplane, Client, eventually, free_port, is_sanitized, main
from mqtts import Broker, Subscriber, connected, send
from uarts import Device

SAMPLES = os.path.abspath(os.environ.get("SRC", ".")) + "/tests/import/"
PROGRAM = BUILD + "/backplane"

# FILE: what the result has, as regular expressions; "-x" is what it has not. A list of numbers: lines with faults.
RESULTS = {
    "ser2net-yaml/01-minimal.yaml": ["^  plotter:$", "class: UART$", "port: /dev/ttyS0", "baud: 9600", "mode: raw", "bind: localhost",
                                     "port: 20101", "max_connections: 1"],
    "ser2net-yaml/02-rfc2217-all-addresses.yaml": ["mode: rfc2217", r'bind: "\*"', "# .*insecure: yes", "idle_timeout: 600",
                                                   "idle_counts: both", "kick_old: yes", "flow: rtscts", "-^ *insecure:"],
    "ser2net-yaml/03-banner-alias.yaml": ["bits: 7", "parity: even", "stop: 2", "flow: xonxoff",
                                          r'banner: .*on /dev/ttyUSB0 \[57600E72\]', "# .*date", "# telnet-brk-on-sync"],
    "ser2net-yaml/04-alias-in-string.yaml": ["by-id/usb-Example_Adapter_A1B2-if00-port0", "baud: 38400", "stop: 2"],
    "ser2net-yaml/05-defaults.yaml": [r"east:\n    class: UART\n    port: /dev/ttyS0\n    baud: 115200",
                                      r"west:\n    class: UART\n    port: /dev/ttyS1\n    baud: 9600", "max_connections: 4"],
    "ser2net-yaml/06-disabled.yaml": ["^  #spare:$", "^  used:$", "parity: odd", "-^  spare"],
    "ser2net-yaml/07-trace-and-strings.yaml": [r"channel save meter/raw/recv -f /var/log/serial/meter\.log", "meter/raw/send",
                                               r'open_string: "start\\\\r\\\\n"', r'close_string: "\\\\x1bstop\\\\r', "# closeon", "# sendon",
                                               "# chardelay-max", "# dev-to-net-bufsize", "meter-%Y%m%d"],
    "ser2net-yaml/08-tls-clientcert.yaml": ["tls: yes", "tls_cert: /etc/ser2net/s.crt", "tls_key: /etc/ser2net/s.key",
                                            "tls_client_ca: /etc/ser2net/clients.pem", "# allowed-users: ann bob", "# authdir"],
    "ser2net-yaml/09-rotator-admin-led.yaml": ["^  m1:", "^  m2:", "^# Rotator pool", "^# LED amber", "^# The admin port", "# led-tx"],
    "ser2net-yaml/10-rs485-keepopen.yaml": ["rs485: high", "max_connections: 8", "writers: many", "# .*delays", "# remaddr"],
    "ser2net-yaml/11-udp-connback.yaml": ["# .*udp.*20116", "# connback", "^  probe:", "^  caller-server:"],
    "ser2net-yaml/12-no-serial.yaml": ["class: TCPServer", "class: TCPClient", "channel link -f relay-server/recv relay/send",
                                       "channel link -f relay/recv relay-server/send", "^# .*pty", "^# .*echo"],
    "ser2net-yaml/13-version2.yaml": ["^  printer:", "^  laser:", "^  late:", "Welcome to /dev/ttyACM0", "dtr: off", "^# Rotator any",
                                      r"late:\n    class: UART\n    port: /dev/ttyS9\n    baud: 9600"],
    "ser2net-yaml/14-wrong.yaml": [7, 8, 10],
    "ser2net-conf/01-raw.conf": ["port: /dev/ttyS0", 'bind: "', "port: 20201", "mode: raw"],
    "ser2net-conf/02-telnet-banner.conf": ["mode: rfc2217", "# .*remctl", "bits: 7", "parity: even", "stop: 2", "idle_timeout: 600",
                                           r"Port 20202 device /dev/ttyS1 \[19200E72\]"],
    "ser2net-conf/03-address-remctl.conf": ["mode: rfc2217", "bind: 127.0.0.1", "kick_old: yes", "-flow"],
    "ser2net-conf/04-ipv6-udp.conf": ['bind: "::1"', "# .*UDP 127.0.0.1,20205", "flow: xonxoff"],
    "ser2net-conf/05-device-alias.conf": ['port: "/dev/serial/by-id/usb-Example:Adapter-if00"'],
    "ser2net-conf/06-defaults.conf": [r"ttyS0\n    baud: 115200", r"ttyS1\n    baud: 9600"],
    "ser2net-conf/07-trace.conf": ["save ttyS0/raw/recv", "save ttyS1/raw/recv", "save ttyS1/raw/send"],
    "ser2net-conf/08-strings.conf": ["# signature", "# closeon", "open_string", "close_string"],
    "ser2net-conf/09-off-and-rawlp.conf": ["^  #ttyS0:", "^# .*rawlp", "^modules: {}"],
    "ser2net-conf/10-rotator-control.conf": ["^# The control port", "^# ROTATOR", "^  ttyS0:", "^  ttyS1:"],
    "ser2net-conf/11-continued-line.conf": ["max_connections: 3", "# remaddr", "port: 20218", "baud: 115200"],
    "ser2net-conf/12-wrong.conf": [1, 2, 3],
    "conserver/01-device.cf": ["^  press:", "baud: 9600", "flow: xonxoff", "-UARTServer"],
    "conserver/02-defaults.cf": [r"mill:\n    class: UART\n    port: /dev/ttyS0\n    baud: 115200\n    stop: 2\n    flow: rtscts",
                                 r"ttyS1\n    baud: 9600\n    parity: even", "# aliases", "save mill/raw/recv -f /var/log/conserver/mill.log"],
    "conserver/03-terminal-server.cf": ["host: ts.example", "port: 2001", "port: 2002", "# protocol: telnet"],
    "conserver/04-exec-ssh.cf": ["^# Console web1 .*ssh -p 22 web1.example", "^# Console shell"],
    "conserver/05-groups.cf": ["^# group ops", r"^# access \* \{ admin ops", "# rw: ops", "-UARTServer"],
    "conserver/06-breaks-tasks.cf": ["# break: 4.*serial one", "^# task r", "# tasklist"],
    "conserver/07-logs.cf": ["save one/raw/recv -f /var/log/conserver/one --raw --rotate 4M", "-save two", "# motd"],
    "conserver/08-quoting.cf": [2],
    "conserver/09-uds-noop-ipmi.cf": ["^# Console vm1 .*/run/vm/vm1.sock", "^# Console away .*other.example", "^# Console none"],
    "conserver/10-devicesubst.cf": ["port: /dev/ttyUSB0", "port: /dev/ttyUSB7", "parity: odd"],
    "conserver/11-include.cf": ["^  inner:"],
    "conserver/11-included.cf": [1],
    "conserver/12-wrong.cf": [1, 2, 3, 5],
    "conserver/conserver.passwd": ["^# guest: .*refused", "^# eve: could never", "^# ann", "-notARealHash"],
    "tio2/01-defaults.ini": ["^# .*9600E72 flow=xonxoff", "^modules: {}"],
    "tio2/02-profiles.ini": [r"rpi:\n    class: UART\n.*\n    baud: 115200", "baud: 1200"],
    "tio2/03-pattern.ini": ["^  # pattern", "^  #usb-device:"],
    "tio2/04-log-map.ini": ["save logger/raw/recv -f logger.log", "# map", "# local-echo"],
    "tio2/05-socket-rs485.ini": ["mode: raw", "port: 4444", "rs485: high", "# output-delay"],
    "tio2/06-wrong.ini": [3, 4],
    "tio3/01-default-section.ini": ["^# .*115200N81 flow=rtscts"],
    "tio3/02-profiles.ini": ["^  board:", "^  #twin:", "baud: 921600", "/var/tmp/"],
    "tio3/03-pattern.ini": ["^  # pattern"],
    "tio3/04-modes-script.ini": ["# script", "# map", "# input-mode"],
    "tio3/05-socket-auto.ini": ["# auto-connect", "# exclude-devices", "rs485: high", "# exec"],
    "tio3/06-include.ini": ["baud: 921600", r"#twin:\n(  #.*\n)*  #  baud: 9600"],
    "tio3/07-wrong.ini": [1, 5, 6],
    "mosquitto/01-out.conf": ["host: broker.example", r"sensors/\* -> sensors/\{1\} qos=1", "^# Settings of the broker"],
    "mosquitto/02-both-prefix.conf": [r"local/topic/\* -> remote/topic/\{1\} qos=2", r"remote/topic/# -> local/topic/\{1\} qos=2",
                                      "reconnect_min: 10", "reconnect_max: 60"],
    "mosquitto/03-single-topic.conf": ["cloud/time -> house/time", "with space"],
    "mosquitto/04-login.conf": ["user: hub", "password_file: hub.password", "client_id: hub-1", "-example-secret", "# try_private"],
    "mosquitto/05-tls.conf": ["tls: yes", "tls_ca: /etc/ssl/certs/ca-certificates.crt", "port: 8883"],
    "mosquitto/06-psk-lazy.conf": ["^  #lazy:", "-0123456789abcdef", "# .*bridge_psk", "# round_robin"],
    "mosquitto/07-v5-notify.conf": ["version: 5", "status: bridge/five/state"],
    "mosquitto/08-two-bridges.conf": ["^  one:", "^  two:", r"there/two/# -> here/two/\{1\} qos=2"],
    "mosquitto/09-old-names.conf": ["client_id: old-client", "user: old", "port: 1883", r"x/\* -> x/\{1\}"],
    "mosquitto/10-wrong.conf": [2, 3, 3],
}
# Their certificates and passwords are not here.
LACKS_FILES = ("08-tls-clientcert.yaml", "05-tls.conf", "04-login.conf", "09-old-names.conf")


def run(*arguments, **more):
    return subprocess.run([PROGRAM, *arguments], text=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=PATIENCE, check=False,
                          **more)


def imported(name, *options):
    return run("import", *(["--from", "tio3"] if name.startswith("tio3") else []), *options, SAMPLES + name)


def checked(bp, text):
    with open(bp.folder + "/result.yaml", "w") as file:
        file.write(text)
    return run("-P", BUILD + "/plugins", "--check-config", bp.folder + "/result.yaml", cwd=bp.folder)


def test_samples_are_all_here(bp):
    here = {os.path.relpath(os.path.join(folder, name), SAMPLES) for folder, _, names in os.walk(SAMPLES) for name in names}
    assert here == set(RESULTS), here ^ set(RESULTS)


def test_results(bp):
    for name, wanted in RESULTS.items():
        done = imported(name)
        if isinstance(wanted[0], int):
            lines = [int(line) for line in re.findall(r"^[^:\n]*:(\d+): ", done.stderr, re.M)]
            assert done.returncode == 1 and not done.stdout and set(lines) == set(wanted) and len(lines) >= len(wanted), (name, done)
            continue
        assert done.returncode == 0, (name, done)
        for pattern in wanted:
            there = re.search(pattern.lstrip("-"), done.stdout, re.M)
            assert bool(there) != pattern.startswith("-"), (name, pattern, done.stdout)


def test_the_host_takes_them(bp):
    """All of them with --insecure; without, those that listen on every address are refused with that reason."""
    for name, wanted in RESULTS.items():
        if isinstance(wanted[0], int) or name.endswith(LACKS_FILES):
            continue
        done = checked(bp, imported(name, "--insecure").stdout)
        if "remaddr" in imported(name).stdout and 'bind: "*"' in imported(name).stdout:
            assert done.returncode == 78 and "insecure" in done.stderr, (name, done)
        else:
            assert done.returncode == 0, (name, done)
        text = imported(name).stdout
        if re.search(r'^ {4}bind: "\*"', text, re.M):
            done = checked(bp, text)
            assert done.returncode == 78 and "add insecure: yes" in done.stderr, (name, done)


def test_faults_and_force(bp):
    done = imported("ser2net-yaml/14-wrong.yaml", "--force")
    assert done.returncode == 1 and "port: /dev/ttyS0" in done.stdout and "ttyS1" not in done.stdout, done
    for arguments, text in ((["import"], "it wants one file"), (["import", "--from", "nothing", SAMPLES + "ser2net-conf/01-raw.conf"], "no such format"),
                            (["import", "/nowhere"], "No such file"), (["import", "--what"], "Unknown option")):
        done = run(*arguments)
        assert done.returncode in (1, 2) and text in done.stderr and not done.stdout, done
    with open(bp.folder + "/prose", "w") as file:
        file.write("Dear all,\nnothing of this is a configuration.\n")
    done = run("import", bp.folder + "/prose")
    assert done.returncode == 2 and "--from FORMAT" in done.stderr, done


def test_output_is_a_new_file(bp):
    path = bp.folder + "/out.yaml"
    with open(path, "w") as file:
        file.write("mine")
    done = imported("ser2net-conf/01-raw.conf", "-o", path)
    assert done.returncode == 1 and "File exists" in done.stderr and open(path).read() == "mine"


def test_a_port_works(bp):
    device, port = Device(bp), free_port()
    with open(bp.folder + "/old.yaml", "w") as file:
        file.write(f"""%YAML 1.1
---
connection: &bench
  accepter: tcp,127.0.0.1,{port}
  connector: serialdev,{device.link},9600n81,local
  options:
    banner: 'bench \\B\\r\\n'
    openstr: 'wake\\r\\n'
""")
    assert run("import", "-o", bp.folder + "/new.yaml", bp.folder + "/old.yaml").returncode == 0
    host = Backplane("-c", bp.folder + "/new.yaml")
    failed = True
    try:
        eventually(lambda: any("bench-server" in line and "1 clients" not in line for line in host.run("status")))
        client = Client(port)
        client.expect("bench 9600N81\r\n")
        device.expect(b"wake\r\n")
        client.send("G28\n")
        device.expect(b"G28\n")
        device.send(b"ok\n")
        client.expect("ok\n")
        client.close()
        failed = False
    finally:
        host.finish(failed)
        device.unplug()


def test_a_password_is_no_secret_of_the_yaml(bp):
    """It is in a file of its own, which others may not read, and the broker takes it."""
    if not os.path.exists("/usr/bin/mosquitto_passwd"):
        return
    secrets = bp.folder + "/users"
    subprocess.run(["mosquitto_passwd", "-b", "-c", secrets, "hub", "example-secret"], check=True, capture_output=True)
    os.chmod(bp.folder, 0o755)
    os.chmod(secrets, 0o644)
    with Broker("allow_anonymous true", "password_file " + secrets) as broker, Subscriber(broker, "a/#") as reader:
        with open(SAMPLES + "mosquitto/04-login.conf") as file:
            text = file.read().replace("127.0.0.1:21899", f"127.0.0.1:{broker.port}")
        with open(bp.folder + "/broker.conf", "w") as file:
            file.write(text)
        assert run("import", "-o", bp.folder + "/hub.yaml", bp.folder + "/broker.conf").returncode == 0
        secret = bp.folder + "/hub.password"
        assert stat.S_IMODE(os.stat(secret).st_mode) == 0o600 and "example-secret" not in open(bp.folder + "/hub.yaml").read()
        os.chmod(secret, 0o644)
        done = run("-P", BUILD + "/plugins", "-d", "-c", bp.folder + "/hub.yaml", "-e", "quit", env=dict(os.environ, HOME=bp.folder + "/other"))
        assert "others may read it" in done.stderr, done
        os.chmod(secret, 0o600)
        host = Backplane("-c", bp.folder + "/hub.yaml")
        failed = True
        try:
            connected(host)
            send(host, "a/b", "hello")
            reader.expect("a/b", b"hello")
            failed = False
        finally:
            host.finish(failed)
    os.chmod(bp.folder, 0o700)


def test_whatever_stands_there(bp):
    """Bytes changed, cut and doubled at random: a result that the host can read, or faults; never a crash."""
    rng = random.Random(os.environ.get("SEED", "1"))
    names = [name for name in RESULTS if not name.startswith("mosquitto/04")]
    for _ in range(60 if is_sanitized() else 250):
        name = rng.choice(names)
        with open(SAMPLES + name, "rb") as file:
            data = bytearray(file.read())
        for _ in range(rng.randrange(1, 8)):
            at = rng.randrange(len(data))
            how = rng.randrange(4)
            if how == 0:
                data[at] = rng.choice(b"{}[]:;,\\\"'#&*=()\n\t \0\xff9a")
            elif how == 1:
                del data[at:at + rng.randrange(1, 20)]
            elif how == 2:
                data[at:at] = data[at:at + rng.randrange(1, 40)]
            else:
                data.insert(at, rng.choice(b"{}[]:;,\\\"'#&*=()\n \xc3"))
            data = data or bytearray(b"\n")
        with open(bp.folder + "/changed", "wb") as file:
            file.write(data)
        form = {"ser2net-yaml": "ser2net.yaml", "ser2net-conf": "ser2net.conf", "conserver": "conserver.cf"}.get(name.split("/")[0], name.split("/")[0])
        done = subprocess.run([PROGRAM, "import", "--force", "--from", form, bp.folder + "/changed"], capture_output=True,
                              timeout=PATIENCE, check=False)
        assert done.returncode in (0, 1) and b"Sanitizer" not in done.stderr, (name, bytes(data), done)
        done.stdout.decode()


if __name__ == "__main__":
    main("import", globals())
