package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"offboard/internal/codec"
	"offboard/replay"
	"offboard/workflows"
)

// Where the recorded histories are, seen from the module dev, and the key to those that are encrypted, which opens
// nothing else.
var (
	histories = filepath.Join("..", "workflows", "testdata", "histories")
	sealedKey = filepath.Join("..", "workflows", "testdata", "corpus.key")
)

// recorded is a history of the corpus.
type recorded struct {
	path    string
	history *historypb.History
}

// corpusReplay is P7: all recorded histories are replayed strictly, as the tests do, on all processors.
func corpusReplay(_ context.Context, b *bench) error {
	list, events, err := loadCorpus()
	if err != nil {
		return err
	}
	plain, sealed, err := replayers()
	if err != nil {
		return err
	}
	var times, rates []float64
	for range repeats {
		begun := time.Now()
		if err := replayAll(list, plain, sealed); err != nil {
			return err
		}
		took := time.Since(begun).Seconds()
		times, rates = append(times, took), append(rates, float64(events)/took)
	}
	note := fmt.Sprintf("%d histories, %d events", len(list), events)
	b.add(figure{Row: "P7", What: "strict replay of the corpus", Value: median(times), Runs: times, Unit: "s", Limit: 2, Sense: atMost, Note: note})
	b.add(figure{Row: "P7", What: "events replayed a second", Value: median(rates), Runs: rates, Limit: 20_000, Sense: atLeast})
	return nil
}

func loadCorpus() (list []recorded, events int, err error) {
	files, err := filepath.Glob(filepath.Join(histories, "*", "v*", "*.json*"))
	if err != nil {
		return nil, 0, fmt.Errorf("list the recorded histories: %w", err)
	}
	if len(files) == 0 {
		return nil, 0, errors.New("there are no recorded histories")
	}
	for _, f := range files {
		h, err := replay.Load(f)
		if err != nil {
			return nil, 0, err
		}
		list = append(list, recorded{path: f, history: h})
		events += len(h.Events)
	}
	return list, events, nil
}

// replayers make the replayer of plain histories and that of encrypted ones.
func replayers() (plain, sealed *replay.Replayer, err error) {
	text, err := os.ReadFile(sealedKey)
	if err != nil {
		return nil, nil, fmt.Errorf("read the key of the encrypted histories: %w", err)
	}
	key, err := codec.NewKey("corpus", strings.TrimSpace(string(text)))
	if err != nil {
		return nil, nil, err
	}
	keys, err := codec.NewKeyset(nil, key)
	if err != nil {
		return nil, nil, err
	}
	if plain, err = newReplayer(converter.GetDefaultDataConverter(), false); err != nil {
		return nil, nil, err
	}
	sealed, err = newReplayer(keys.Codec(client.DefaultNamespace).Converter(), true)
	return plain, sealed, err
}

func newReplayer(data converter.DataConverter, encrypted bool) (*replay.Replayer, error) {
	return replay.New(replay.Options{
		Register: workflows.Register, DisableRegistrationAliasing: true, DataConverter: data,
		FailureConverter: temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{DataConverter: data, EncodeCommonAttributes: encrypted}),
	})
}

// replayAll replays every history once.
func replayAll(list []recorded, plain, sealed *replay.Replayer) error {
	errs := make([]error, len(list))
	var wg sync.WaitGroup
	next := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := range next {
				r := plain
				if strings.HasPrefix(filepath.Base(list[i].path), "sealed-") {
					r = sealed
				}
				differences, err := r.Replay(list[i].history)
				if err == nil && len(differences) > 0 {
					err = fmt.Errorf("%s", differences[0])
				}
				if err != nil {
					errs[i] = fmt.Errorf("replay %s: %w", list[i].path, err)
				}
			}
		})
	}
	for i := range list {
		next <- i
	}
	close(next)
	wg.Wait()
	return errors.Join(errs...)
}
