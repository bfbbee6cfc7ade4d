package app

import (
	"fmt"
	"io"
	"strings"
	"time"

	sdklog "go.temporal.io/sdk/log"
	"go.uber.org/zap"
	"go.uber.org/zap/buffer"
	"go.uber.org/zap/zapcore"
)

// NewLogger makes the process's logger. OFFBOARD_LOG_FORMAT is "json" (default) or "console", OFFBOARD_LOG_LEVEL is
// debug, info (default), warn or error. Every line passes the redactor as a whole, so no field of any kind can carry a
// secret past it.
func NewLogger(w io.Writer, env func(string) string, secrets *Redactor) (*zap.Logger, error) {
	level := zapcore.InfoLevel
	if text := env("OFFBOARD_LOG_LEVEL"); text != "" {
		l, err := zapcore.ParseLevel(text)
		if err != nil {
			return nil, fmt.Errorf("OFFBOARD_LOG_LEVEL is %q: it must be debug, info, warn or error", text)
		}
		level = l
	}
	form := zap.NewProductionEncoderConfig()
	form.TimeKey, form.EncodeTime = "time", zapcore.TimeEncoderOfLayout(time.RFC3339Nano)
	form.EncodeDuration = zapcore.StringDurationEncoder
	var encoder zapcore.Encoder
	switch format := env("OFFBOARD_LOG_FORMAT"); format {
	case "", "json":
		encoder = zapcore.NewJSONEncoder(form)
	case "console":
		form.EncodeTime = zapcore.TimeEncoderOfLayout("15:04:05.000")
		form.EncodeLevel = zapcore.CapitalLevelEncoder
		encoder = zapcore.NewConsoleEncoder(form)
	default:
		return nil, fmt.Errorf("OFFBOARD_LOG_FORMAT is %q: it must be json or console", format)
	}
	core := zapcore.NewCore(redactingEncoder{encoder, secrets}, zapcore.Lock(zapcore.AddSync(w)), level)
	return zap.New(core, zap.AddCaller()), nil
}

// redactingEncoder passes each finished line through the redactor.
type redactingEncoder struct {
	zapcore.Encoder
	secrets *Redactor
}

var lines = buffer.NewPool()

// Clone implements zapcore.Encoder.
func (e redactingEncoder) Clone() zapcore.Encoder {
	return redactingEncoder{e.Encoder.Clone(), e.secrets}
}

// EncodeEntry implements zapcore.Encoder.
func (e redactingEncoder) EncodeEntry(entry zapcore.Entry, fields []zapcore.Field) (*buffer.Buffer, error) {
	line, err := e.Encoder.EncodeEntry(entry, fields)
	if err != nil {
		return nil, err
	}
	before := line.String()
	after := e.secrets.Text(before)
	if after == before {
		return line, nil
	}
	line.Free()
	clean := lines.Get()
	clean.AppendString(after)
	return clean, nil
}

// TemporalLogger lets Temporal's SDK log through zap. Its lines name the file and line that logged, whether that is a
// workflow, an activity or the SDK itself.
func TemporalLogger(logger *zap.Logger) sdklog.Logger {
	// One frame is this adapter's own method.
	return temporalLogger{logger.WithOptions(zap.AddCallerSkip(1)).Sugar()}
}

type temporalLogger struct{ sugar *zap.SugaredLogger }

var (
	_ sdklog.WithLogger      = temporalLogger{}
	_ sdklog.WithSkipCallers = temporalLogger{}
)

// Debug implements log.Logger.
func (l temporalLogger) Debug(msg string, keyvals ...any) { l.sugar.Debugw(msg, even(keyvals)...) }

// Info implements log.Logger.
func (l temporalLogger) Info(msg string, keyvals ...any) { l.sugar.Infow(msg, even(keyvals)...) }

// Warn implements log.Logger.
func (l temporalLogger) Warn(msg string, keyvals ...any) { l.sugar.Warnw(msg, even(keyvals)...) }

// Error implements log.Logger.
func (l temporalLogger) Error(msg string, keyvals ...any) { l.sugar.Errorw(msg, even(keyvals)...) }

// With implements log.WithLogger.
func (l temporalLogger) With(keyvals ...any) sdklog.Logger {
	return temporalLogger{l.sugar.With(even(keyvals)...)}
}

// WithCallerSkip implements log.WithSkipCallers.
func (l temporalLogger) WithCallerSkip(depth int) sdklog.Logger {
	return temporalLogger{l.sugar.WithOptions(zap.AddCallerSkip(depth))}
}

// even gives every value a key that is text, which zap insists on and the SDK does not.
func even(keyvals []any) []any {
	list := make([]any, 0, len(keyvals)+1)
	for i := 0; i < len(keyvals); i += 2 {
		key, ok := keyvals[i].(string)
		if !ok {
			key = strings.TrimSpace(fmt.Sprint(keyvals[i]))
		}
		if i+1 == len(keyvals) {
			return append(list, "extra", keyvals[i])
		}
		list = append(list, key, keyvals[i+1])
	}
	return list
}
