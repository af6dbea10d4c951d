// Command tlogcheck reads what Visavis writes with filippo.io/torchwood, which shares no line with it.
//
// Lives here: the checks of a tiled log, of older checkpoints, of a proof of an entry; the words of a refusal.
// Not here: the logs that are checked (test_interop.py makes them), tessera's fsck (built beside it).
// Spec: docs/spec/record.md §10; C2SP tlog-policy, tlog-checkpoint, tlog-cosignature, tlog-tiles, tlog-proof.
//
//	tlogcheck log POLICY FOLDER [OLDER…]    the checkpoint, every entry and its proof; consistency with each older one
//	tlogcheck proof POLICY PROOF ENTRY      a .tlog-proof
//	tlogcheck prove POLICY FOLDER INDEX     writes a .tlog-proof itself, for our reader
//
// The status is 0 if everything holds, 1 if something does not, 2 if it was called wrongly.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	var err error
	switch args := os.Args[1:]; {
	case len(args) >= 3 && args[0] == "log":
		err = checkLog(args[1], args[2], args[3:])
	case len(args) == 4 && args[0] == "proof":
		err = checkProof(args[1], args[2], args[3])
	case len(args) == 4 && args[0] == "prove":
		err = prove(args[1], args[2], args[3])
	default:
		fmt.Fprintln(os.Stderr, "usage: tlogcheck log|proof|prove …")
		os.Exit(2)
	}
	if err != nil {
		fmt.Println("refused:", err)
		os.Exit(1)
	}
}

// checkLog verifies the checkpoint by the policy, then every entry of the tree, its inclusion proof, and that the tree
// extends those of the older checkpoints, which the policy must accept too.
func checkLog(policyFile, folder string, older []string) error {
	policy, err := readPolicy(policyFile)
	if err != nil {
		return err
	}
	tiles, signed, checkpoint, err := open(policy, folder)
	if err != nil {
		return err
	}
	ctx, tree := context.Background(), checkpoint.Tree
	client, err := torchwood.NewClient(tiles)
	if err != nil {
		return err
	}
	count := int64(0)
	for index, entry := range client.AllEntries(ctx, tree, 0) {
		found, proof, err := client.Entry(ctx, tree, index)
		if err != nil {
			return fmt.Errorf("entry %d: %w", index, err)
		}
		file := torchwood.FormatProof(index, proof, signed)
		if !bytes.Equal(found, entry) {
			return fmt.Errorf("entry %d reads in two ways", index)
		}
		if err := torchwood.VerifyProof(policy, tlog.RecordHash(entry), file); err != nil {
			return fmt.Errorf("entry %d: %w", index, err)
		}
		count++
	}
	if err := client.Err(); err != nil {
		return fmt.Errorf("entries: %w", err)
	}
	if count != tree.N {
		return fmt.Errorf("%d entries where the checkpoint says %d", count, tree.N)
	}
	for _, name := range older {
		if err := checkConsistency(ctx, policy, tiles, checkpoint, name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	fmt.Printf("accepted: %s, %d entries, %d older checkpoints\n", checkpoint.Origin, count, len(older))
	return nil
}

// open reads and verifies a tiled log's checkpoint.
func open(policy torchwood.Policy, folder string) (*torchwood.TileFS, []byte, torchwood.Checkpoint, error) {
	tiles, err := torchwood.NewTileFS(os.DirFS(folder))
	if err != nil {
		return nil, nil, torchwood.Checkpoint{}, err
	}
	signed, err := tiles.ReadEndpoint(context.Background(), "checkpoint")
	if err != nil {
		return nil, nil, torchwood.Checkpoint{}, err
	}
	checkpoint, _, err := torchwood.VerifyCheckpoint(signed, policy)
	if err != nil {
		return nil, nil, torchwood.Checkpoint{}, fmt.Errorf("checkpoint: %w", err)
	}
	return tiles, signed, checkpoint, nil
}

func checkConsistency(
	ctx context.Context, policy torchwood.Policy, tiles torchwood.TileReader, now torchwood.Checkpoint, name string,
) error {
	signed, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	then, _, err := torchwood.VerifyCheckpoint(signed, policy)
	if err != nil {
		return err
	}
	if then.Origin != now.Origin {
		return errors.New("a checkpoint of another log")
	}
	proof, err := tlog.ProveTree(now.N, then.N, torchwood.TileHashReaderWithContext(ctx, now.Tree, tiles))
	if err != nil {
		return err
	}
	return tlog.CheckTree(proof, now.N, now.Hash, then.N, then.Hash)
}

func checkProof(policyFile, proofFile, entryFile string) error {
	policy, err := readPolicy(policyFile)
	if err != nil {
		return err
	}
	proof, err := os.ReadFile(proofFile)
	if err != nil {
		return err
	}
	entry, err := os.ReadFile(entryFile)
	if err != nil {
		return err
	}
	if err := torchwood.VerifyProof(policy, tlog.RecordHash(entry), proof); err != nil {
		return err
	}
	fmt.Printf("accepted: an entry of %d bytes\n", len(entry))
	return nil
}

func prove(policyFile, folder, index string) error {
	policy, err := readPolicy(policyFile)
	if err != nil {
		return err
	}
	tiles, signed, checkpoint, err := open(policy, folder)
	if err != nil {
		return err
	}
	client, err := torchwood.NewClient(tiles)
	if err != nil {
		return err
	}
	at, err := strconv.ParseInt(index, 10, 64)
	if err != nil {
		return err
	}
	_, proof, err := client.Entry(context.Background(), checkpoint.Tree, at)
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(torchwood.FormatProof(at, proof, signed))
	return err
}

// anyLog is met if one of its policies is. torchwood v0.9.0 asks for the signatures of all logs that a policy lists,
// where C2SP tlog-policy asks for that of any one of them; so each log line is given to torchwood by itself, with all
// other lines of the file.
type anyLog []torchwood.Policy

func (each anyLog) Check(origin string, sigs []note.Signature) error {
	var errs []error
	for _, policy := range each {
		err := policy.Check(origin, sigs)
		if err == nil {
			return nil
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (each anyLog) Verifier(name string, hash uint32) (note.Verifier, error) {
	for _, policy := range each {
		verifier, err := policy.Verifier(name, hash)
		if err == nil {
			return verifier, nil
		}
		if _, unknown := err.(*note.UnknownVerifierError); !unknown {
			return nil, err
		}
	}
	return nil, &note.UnknownVerifierError{Name: name, KeyHash: hash}
}

func readPolicy(name string) (torchwood.Policy, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var logs, rest []string
	for _, line := range strings.Split(string(data), "\n") {
		if strings.HasPrefix(line, "log ") {
			logs = append(logs, line)
		} else {
			rest = append(rest, line)
		}
	}
	var policies anyLog
	for _, line := range logs {
		policy, err := torchwood.ParsePolicy([]byte(line + "\n" + strings.Join(rest, "\n")))
		if err != nil {
			return nil, fmt.Errorf("policy: %w", err)
		}
		policies = append(policies, policy)
	}
	if len(policies) == 0 {
		return nil, errors.New("policy: it names no log")
	}
	return policies, nil
}
