#!/usr/bin/env bash
# The first process of a node in User-Mode Linux: gives it modules, mounts and an address, then starts its services.
# Run by its kernel (lib/uml.sh), with this machine's files as root, read-only:
#
#   NODE      its name
#   FOLDER    its folder, IMAGES, CACHES: as on other nodes /run/node, /run/images, /run/caches
set -u
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
[ $$ = 1 ] || { sed -n '2,/^[^#]/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 64; }
say() { echo "$(cut -d' ' -f1 /proc/uptime) s: $*"; }

# KIND SOURCE TARGET [OPTIONS]
attach() {
    mkdir -p "$3"
    mount -t "$1" ${4:+-o "$4"} "$2" "$3" || say "cannot mount $3"
}

mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev 2>/dev/null
mkdir -p /dev/pts /dev/shm
attach devpts devpts /dev/pts
attach tmpfs shm /dev/shm
attach tmpfs run /run mode=755
attach tmpfs tmp /tmp
attach cgroup2 cgroup2 /sys/fs/cgroup
attach hostfs node /run/node "$FOLDER"
attach hostfs images /run/images "ro,$IMAGES"
attach hostfs caches /run/caches "ro,$CACHES"
# What it writes to files of this machine is there soon, and not only when it has time.
echo 100 >/proc/sys/vm/dirty_writeback_centisecs
echo 100 >/proc/sys/vm/dirty_expire_centisecs
root=/run/caches/packages-netem/root
say "$NODE boots $(uname -sr)"

# The kernel asks nobody for modules: all that may be wanted are loaded now.
"/run/caches/$TOOLS" modules $root/usr/lib/uml/modules/* sch_netem sch_htb sch_tbf sch_prio sch_ingress \
    cls_u32 cls_matchall cls_flower act_police act_mirred veth bridge br_netfilter overlay tun \
    ip_tables iptable_filter iptable_nat iptable_mangle iptable_raw xt_tcpudp xt_conntrack xt_comment xt_addrtype xt_mark \
    xt_connmark xt_statistic xt_nat xt_MASQUERADE xt_REDIRECT ipt_REJECT xt_owner xt_multiport \
    xt_recent xt_limit xt_nfacct xt_physdev nf_conntrack_netlink nf_tables || say "without these modules"

# What needs a file system of this kernel's own: layers of images, volumes, extended attributes.
attach ext4 /dev/ubda /run/disk
for part in containerd kubelet pods overlay imported; do
    mkdir -p /run/node/$part /run/disk/$part
    mount --bind /run/disk/$part /run/node/$part
done
for name in etc var; do
    mkdir -p /run/node/overlay/$name/upper /run/node/overlay/$name/work
    attach overlay overlay /$name "lowerdir=/$name,upperdir=/run/node/overlay/$name/upper,workdir=/run/node/overlay/$name/work"
done
# Its nf_tables has no family ip; the same commands by the tables that came before.
mount --bind $root/../../packages/root/usr/sbin/xtables-legacy-multi $root/../../packages/root/usr/sbin/xtables-nft-multi
# The kubelet wants a clock rate, of which this kernel says nothing.
{ cat /proc/cpuinfo; printf 'cpu MHz\t\t: 1000.000\n'; } >/run/cpuinfo
mount --bind /run/cpuinfo /proc/cpuinfo

ip link set lo up
ip link set vec0 name eth0
while read -r first second third; do
    case $first in
        address=*)
            ip address add "${first#*=}/24" dev eth0
            ip link set eth0 up
            ip route add default via "${second#*=}"
            ;;
        way) ip route add "$second" via "$third" ;;
    esac
done </run/node/network
echo 1 >/proc/sys/net/ipv4/ip_forward
echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables
echo "$NODE" >/proc/sys/kernel/hostname
mount --make-rshared /
say "services"
exec /run/caches/"$TOOLS" machine serve
