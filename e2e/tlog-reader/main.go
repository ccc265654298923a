// tlog-reader checks a log served as C2SP tlog-tiles, by Tessera's own reader: none of MedRec's code is in it.
//
//	tlog-reader URL VERIFIER-KEY
//
// The URL is that of the log (its checkpoint is URL/checkpoint), the key is "<origin>+<key id>+<key>" of C2SP
// signed-note, Ed25519. It reads the checkpoint once and holds everything against it: every entry bundle gives the
// leaves, they give every tile and the root, and each entry's inclusion is proved from the tiles served. It prints
// "ok", the origin and the size, or says what is wrong and ends with 1.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/api/layout"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"
)

// A worker of fsck ends with the first bad tile it meets, and fsck stands still once none is left (v1.0.4): a log with
// more bad tiles than this ends by the deadline.
const (
	workers  = 64
	deadline = 5 * time.Minute
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: tlog-reader URL VERIFIER-KEY")
		os.Exit(2)
	}
	time.AfterFunc(deadline, func() {
		fmt.Fprintln(os.Stderr, "tlog-reader: the check has not ended within", deadline)
		os.Exit(1)
	})
	origin, size, err := check(context.Background(), os.Args[1], os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, "tlog-reader:", err)
		os.Exit(1)
	}
	fmt.Println("ok", origin, size)
}

func check(ctx context.Context, address, key string) (string, uint64, error) {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return "", 0, fmt.Errorf("the key: %w", err)
	}
	root, err := url.Parse(address)
	if err != nil {
		return "", 0, err
	}
	transport := &http.Transport{MaxConnsPerHost: 8}
	served, err := client.NewHTTPFetcher(root, &http.Client{Timeout: 30 * time.Second, Transport: transport})
	if err != nil {
		return "", 0, err
	}
	raw, err := served.ReadCheckpoint(ctx)
	if err != nil {
		return "", 0, err
	}
	log := &log{HTTPFetcher: served, checkpoint: raw}
	origin := verifier.Name()
	checkpoint, _, _, err := client.FetchCheckpoint(ctx, log.ReadCheckpoint, verifier, origin)
	if err != nil {
		return "", 0, err
	}
	if err := fsck.New(origin, verifier, log, leaves, fsck.Opts{N: workers}).Check(ctx); err != nil {
		return "", 0, err
	}
	return origin, checkpoint.Size, included(ctx, log, checkpoint.Size, checkpoint.Hash)
}

// included proves every entry from the tiles.
func included(ctx context.Context, log *log, size uint64, root []byte) error {
	if size == 0 {
		return nil
	}
	prover, err := client.NewProofBuilder(ctx, size, log.ReadTile)
	if err != nil {
		return err
	}
	for first := uint64(0); first < size; first += layout.EntryBundleWidth {
		bundle := first / layout.EntryBundleWidth
		data, err := log.ReadEntryBundle(ctx, bundle, layout.PartialTileSize(0, bundle, size))
		if err != nil {
			return err
		}
		hashes, err := leaves(data)
		if err != nil {
			return err
		}
		for i := range min(layout.EntryBundleWidth, size-first) {
			path, err := prover.InclusionProof(ctx, first+i)
			if err != nil {
				return fmt.Errorf("entry %d: %w", first+i, err)
			}
			if err := proof.VerifyInclusion(rfc6962.DefaultHasher, first+i, size, hashes[i], path, root); err != nil {
				return fmt.Errorf("entry %d is not in the checkpoint: %w", first+i, err)
			}
		}
	}
	return nil
}

// log is what a server shows, under the one checkpoint that was read first: it may grow meanwhile.
type log struct {
	*client.HTTPFetcher
	checkpoint []byte
}

func (l *log) ReadCheckpoint(context.Context) ([]byte, error) {
	return bytes.Clone(l.checkpoint), nil
}

// ReadEntryBundle refuses one with fewer entries than its name says; fsck would index past its end.
func (l *log) ReadEntryBundle(ctx context.Context, index uint64, partial uint8) ([]byte, error) {
	data, err := l.HTTPFetcher.ReadEntryBundle(ctx, index, partial)
	if err != nil {
		return nil, err
	}
	hashes, err := leaves(data)
	if err != nil {
		return nil, err
	}
	expected := int(partial)
	if partial == 0 {
		expected = layout.EntryBundleWidth
	}
	if len(hashes) < expected {
		return nil, fmt.Errorf("bundle %d has %d entries, expected %d", index, len(hashes), expected)
	}
	return data, nil
}

// leaves are the RFC 6962 leaf hashes of the entries in a bundle.
func leaves(bundle []byte) ([][]byte, error) {
	var parsed api.EntryBundle
	if err := parsed.UnmarshalText(bundle); err != nil {
		return nil, errors.Join(errors.New("an entry bundle cannot be parsed"), err)
	}
	hashes := make([][]byte, 0, len(parsed.Entries))
	for _, entry := range parsed.Entries {
		hashes = append(hashes, rfc6962.DefaultHasher.HashLeaf(entry))
	}
	return hashes, nil
}
