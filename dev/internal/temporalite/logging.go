package temporalite

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync/atomic"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// logging is the server's log with two additions: it can be silenced, and a
// fatal entry becomes an error instead of the end of the process.
type logging struct {
	*zap.Logger
	gate       zap.AtomicLevel
	assembling atomic.Bool
	failed     chan error // capacity one: the first failure is the cause
}

// fatal carries a fatal entry up the stack, see assemble.
type fatal struct{ error }

func newLogging(base *zap.Logger) *logging {
	if base == nil {
		base = quiet()
	}
	l := &logging{failed: make(chan error, 1)}
	// The server skips its fatal path when the log does not take fatal entries,
	// and then runs on with what it failed to create.
	core := zapcore.NewTee(base.Core(), zapcore.NewCore(encoder(), zapcore.AddSync(io.Discard), zapcore.FatalLevel))
	l.gate = zap.NewAtomicLevelAt(zapcore.LevelOf(core))
	l.Logger = base.WithOptions(
		zap.WrapCore(func(zapcore.Core) zapcore.Core { return core }),
		zap.IncreaseLevel(l.gate),
		zap.WithFatalHook(l),
	)
	return l
}

// silence drops everything from now on.
func (l *logging) silence() { l.gate.SetLevel(zapcore.FatalLevel + 1) }

// assemble runs do, in which a fatal entry becomes do's error. It has to unwind
// the stack by a panic: the server opens its listeners under a sync.OnceValue,
// which takes the end of its goroutine for a crash.
func (l *logging) assemble(do func() error) (err error) {
	l.assembling.Store(true)
	defer l.assembling.Store(false)
	defer func() {
		switch cause := recover().(type) {
		case nil:
		case fatal:
			err = cause.error
		default:
			panic(cause)
		}
	}()
	return do()
}

// OnWrite receives the fatal entries. It never returns, because the code behind
// relies on being at its end; outside of assemble it keeps the failure and ends
// the goroutine that reported it.
func (l *logging) OnWrite(entry *zapcore.CheckedEntry, fields []zapcore.Field) {
	err := errors.New(entry.Message)
	for _, f := range fields {
		if cause, ok := f.Interface.(error); ok && f.Type == zapcore.ErrorType {
			err = fmt.Errorf("%s: %w", entry.Message, cause)
		}
	}
	if l.assembling.Load() {
		panic(fatal{err})
	}
	select {
	case l.failed <- err:
	default:
	}
	runtime.Goexit()
}

func quiet() *zap.Logger {
	return zap.New(zapcore.NewCore(encoder(), zapcore.Lock(os.Stderr), zapcore.ErrorLevel)).Named("temporal")
}

func encoder() zapcore.Encoder {
	return zapcore.NewConsoleEncoder(zap.NewDevelopmentEncoderConfig())
}
