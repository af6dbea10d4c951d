package main

// Strangers' packets: what anybody may send to a server's UDP port, at a steady rate or as fast as it goes.
//
// Lives here: the kinds of packets, and sending them from many ports, or (root) from forged addresses.
// Not here: what they do to the server (bench/robustness.py).
//
//	{"event":"flooding"}  it begins; a line on the input ends it
//	{"event":"flooded", "sent": …, "took_s": …}

import (
	"bufio"
	crand "crypto/rand"
	"encoding/binary"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/livekit/protocol/livekit"
	"golang.org/x/sys/unix"
)

var (
	to    = flag.String("to", "127.0.0.1:7882", "flood: the UDP port")
	kinds = flag.String("kinds", "garbage,stun,dtls,rtp", "flood: of these, in turn; integrity: STUN for a transport of ours, unsigned")
	pps   = flag.Int("pps", 0, "flood: packets a second; 0: as many as go")
	forge = flag.Bool("forge", false, "flood: each packet from another address and port of 127.0.0.0/8 (root)")
	ports = flag.Int("ports", 256, "flood: how many ports of ours they come from, unless forged")
)

const (
	samples   = 512 // packets of each kind, made before
	burst     = 64  // packets sent before the clock is looked at
	ipBytes   = 20
	udpBytes  = 8
	stunBytes = 20
)

func flood(w Workload) error {
	target, err := netip.ParseAddrPort(*to)
	if err != nil {
		return err
	}
	packets, err := w.strays()
	if err != nil {
		return err
	}
	send, err := sender(target)
	if err != nil {
		return err
	}
	var over atomic.Bool
	go func() {
		bufio.NewScanner(os.Stdin).Scan()
		over.Store(true)
	}()
	say(map[string]any{"event": "flooding"})
	begun, sent, refused := time.Now(), 0, 0
	for !over.Load() {
		for range burst {
			if send(packets[sent%len(packets)]) != nil {
				refused++
			}
			sent++
		}
		if *pps > 0 {
			due := time.Duration(float64(sent) / float64(*pps) * float64(time.Second))
			if ahead := due - time.Since(begun); ahead > 0 {
				time.Sleep(ahead)
			}
		}
	}
	say(map[string]any{
		"event": "flooded", "sent": sent - refused, "refused": refused, "took_s": time.Since(begun).Seconds(),
	})
	return nil
}

// strays are packets of all kinds in turn.
func (w Workload) strays() ([][]byte, error) {
	fragment, all := "", strings.Split(*kinds, ",")
	if slices.Contains(all, "integrity") {
		ours, err := w.fragment()
		if err != nil {
			return nil, err
		}
		fragment = ours
	}
	var packets [][]byte
	for range samples {
		for _, kind := range all {
			packet, err := stray(kind, fragment)
			if err != nil {
				return nil, err
			}
			packets = append(packets, packet)
		}
	}
	return packets, nil
}

// fragment is that of a transport which the server made for somebody with a token.
func (w Workload) fragment() (string, error) {
	h, err := w.reach("flood", "flooder")
	if err != nil {
		return "", err
	}
	offer, err := h.await(func(m *livekit.SignalResponse) bool { return m.GetOffer() != nil })
	if err != nil {
		return "", err
	}
	go h.stay()
	_, rest, _ := strings.Cut(offer.GetOffer().Sdp, "a=ice-ufrag:")
	found, _, _ := strings.Cut(rest, "\r\n")
	return found, nil
}

// stray is a packet that belongs to nobody.
func stray(kind, fragment string) ([]byte, error) {
	packet := make([]byte, 40+rand.IntN(1000))
	_, _ = crand.Read(packet)
	switch kind {
	case "garbage":
	case "stun", "integrity": // RFC 8489 §5: a binding request with USERNAME, PRIORITY, MESSAGE-INTEGRITY
		name := "stranger:them"
		if kind == "integrity" {
			name = fragment + ":them"
		}
		packet = packet[:stunBytes]
		packet = attribute(packet, 0x0006, []byte(name))
		packet = attribute(packet, 0x0024, []byte{0x6e, 0, 1, 0xff})
		signature := make([]byte, 20)
		_, _ = crand.Read(signature)
		packet = attribute(packet, 0x0008, signature)
		binary.BigEndian.PutUint16(packet, 1)
		binary.BigEndian.PutUint16(packet[2:], uint16(len(packet)-stunBytes))
		binary.BigEndian.PutUint32(packet[4:], 0x2112a442)
	case "dtls": // RFC 6347 §4.1, §4.2.2: a record that holds a ClientHello of version 1.2
		packet = packet[:min(len(packet), 300)]
		copy(packet, []byte{22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0})
		binary.BigEndian.PutUint16(packet[11:], uint16(len(packet)-13))
		packet[13], packet[14] = 1, 0
		binary.BigEndian.PutUint16(packet[15:], uint16(len(packet)-25))
		copy(packet[17:], []byte{0, 0, 0, 0, 0})
		binary.BigEndian.PutUint16(packet[22:], uint16(len(packet)-25))
		packet[25], packet[26] = 0xfe, 0xfd
	case "rtp": // RFC 3550 §5.1: whatever payload type, sequence and SSRC
		packet[0] = 0x80
		packet[1] = byte(96 + rand.IntN(32))
	default:
		return nil, fmt.Errorf("no such kind: %s", kind)
	}
	return packet, nil
}

func attribute(packet []byte, kind uint16, value []byte) []byte {
	packet = binary.BigEndian.AppendUint16(packet, kind)
	packet = binary.BigEndian.AppendUint16(packet, uint16(len(value)))
	packet = append(packet, value...)
	for len(packet)%4 != 0 {
		packet = append(packet, 0)
	}
	return packet
}

// sender sends a packet, each from the next port.
func sender(target netip.AddrPort) (func([]byte) error, error) {
	there := &unix.SockaddrInet4{Addr: target.Addr().As4(), Port: int(target.Port())}
	if *forge {
		raw, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_RAW)
		if err != nil {
			return nil, fmt.Errorf("addresses are forged by root alone: %w", err)
		}
		whole := make([]byte, ipBytes+udpBytes+1500)
		return func(packet []byte) error {
			return unix.Sendto(raw, forged(whole, packet, there), 0, there)
		}, nil
	}
	var own []int
	for range *ports {
		socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
		if err != nil {
			return nil, err
		}
		own = append(own, socket)
	}
	next := 0
	return func(packet []byte) error {
		next = (next + 1) % len(own)
		return unix.Sendto(own[next], packet, 0, there)
	}, nil
}

// forged puts headers before a packet (RFC 791 §3.1, RFC 768); the kernel fills in length and checksum of the first,
// and a checksum of 0 in the second means none.
func forged(whole, packet []byte, there *unix.SockaddrInet4) []byte {
	n := ipBytes + udpBytes + len(packet)
	ip, udp := whole[:ipBytes], whole[ipBytes:ipBytes+udpBytes]
	clear(whole[:ipBytes+udpBytes])
	ip[0], ip[8], ip[9] = 0x45, 64, unix.IPPROTO_UDP
	source := rand.Uint32()
	copy(ip[12:], []byte{127, byte(source), byte(source >> 8), byte(source>>16) | 1})
	copy(ip[16:], there.Addr[:])
	binary.BigEndian.PutUint16(udp, uint16(1024+rand.IntN(64_000)))
	binary.BigEndian.PutUint16(udp[2:], uint16(there.Port))
	binary.BigEndian.PutUint16(udp[4:], uint16(udpBytes+len(packet)))
	copy(whole[ipBytes+udpBytes:], packet)
	return whole[:n]
}
