package workflows_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"offboard/internal/codec"
	"offboard/replay"
	"offboard/workflows"
)

// howToGoOn is for whoever changed a workflow and finds this test red.
const howToGoOn = `
Runs that are open when this build arrives would notice the change. If they must not follow it, put it behind
workflow.GetVersion and record a path for the new version. If they may follow it, as a wording or a longer timeout, record
the corpus again (make record-histories) and say in the commit that open runs change there. "commands" is never of that
kind: such runs would stop. docs/versioning.md says which change is which.`

const recordings = "testdata/histories"

// corpus are the names of every recorded history: workflow type, version and path.
func corpus(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(recordings + "/*/v*/*.json*")
	require.NoError(t, err)
	require.NotEmpty(t, files, "there is no corpus: make record-histories")
	for i, file := range files {
		files[i] = strings.TrimPrefix(filepath.ToSlash(file), recordings+"/")
	}
	return files
}

func load(t *testing.T, name string) *historypb.History {
	t.Helper()
	h, err := replay.Load(filepath.Join(recordings, name))
	require.NoError(t, err)
	return h
}

// TestEveryRecordedRunIsReplayedStrictly is the proof that this build disturbs no run under way.
func TestEveryRecordedRunIsReplayedStrictly(t *testing.T) {
	replayers := map[bool]*replay.Replayer{false: replayer(t, plain), true: replayer(t, unsealed(t))}
	for _, name := range corpus(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list, err := replayers[sealed(name)].Replay(load(t, name))
			require.NoError(t, err)
			for _, d := range list[:min(len(list), 10)] {
				t.Error(d)
			}
			if len(list) > 0 {
				t.Errorf("%d differences in all.%s", len(list), howToGoOn)
			}
		})
	}
}

var plain = converter.GetDefaultDataConverter()

// sealed tells whether the payloads of a recorded history are encrypted.
func sealed(name string) bool { return strings.HasPrefix(filepath.Base(name), "sealed-") }

// unsealed is the converter that reads those, with a key that opens nothing else.
func unsealed(t *testing.T) converter.DataConverter {
	t.Helper()
	value, err := os.ReadFile("testdata/corpus.key")
	require.NoError(t, err)
	key, err := codec.NewKey("corpus", strings.TrimSpace(string(value)))
	require.NoError(t, err)
	keys, err := codec.NewKeyset(nil, key)
	require.NoError(t, err)
	return keys.Codec(client.DefaultNamespace).Converter()
}

func replayer(t *testing.T, data converter.DataConverter) *replay.Replayer {
	t.Helper()
	r, err := replay.New(replay.Options{
		Register: workflows.Register, DisableRegistrationAliasing: true, DataConverter: data,
		FailureConverter: temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{DataConverter: data, EncodeCommonAttributes: data != plain}),
	})
	require.NoError(t, err)
	return r
}
