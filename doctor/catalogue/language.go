package catalogue

import "strings"

// Language names one of the languages that the texts are written in.
type Language string

// The languages of the texts; the guides that doctor replaces are in these.
const (
	English            Language = "en"
	TraditionalChinese Language = "zh-TW"
	SimplifiedChinese  Language = "zh-CN"
	French             Language = "fr"
	Korean             Language = "ko"
)

// Languages lists every language, English first, which all others fall back to.
func Languages() []Language {
	return []Language{English, TraditionalChinese, SimplifiedChinese, French, Korean}
}

// Choose finds the language of a tag as people and environments write it: "fr", "fr_FR.UTF-8",
// "zh-Hant". It reports false for a language that is not there and for the locales C and POSIX.
func Choose(tag string) (Language, bool) {
	tag, _, _ = strings.Cut(strings.ToLower(strings.TrimSpace(tag)), ".")
	tag, _, _ = strings.Cut(tag, "@")
	parts := strings.Split(strings.ReplaceAll(tag, "_", "-"), "-")
	if parts[0] == "zh" {
		return chinese(parts[1:]), true
	}
	for _, language := range Languages() {
		if parts[0] == string(language) {
			return language, true
		}
	}
	return "", false
}

// chinese decides by the first subtag that names a script or a place, so that a script, which
// comes before a place, wins.
func chinese(subtags []string) Language {
	for _, subtag := range subtags {
		switch subtag {
		case "hant", "tw", "hk", "mo":
			return TraditionalChinese
		case "hans", "cn", "sg", "my":
			return SimplifiedChinese
		}
	}
	return SimplifiedChinese
}
