(() => {
	const shown = e => e.checkVisibility({ contentVisibilityAuto: false, visibilityProperty: true })
	const name = e => `${e.tagName.toLowerCase()}${e.id ? '#' + e.id : ''}${e.className && e.className.baseVal === undefined ? '.' + e.className : ''}: ${e.textContent.trim().slice(0, 60)}`
	const found = { sideways: [], faint: [], headings: [], cells: [], hidden: [], texts: 0, folds: document.querySelectorAll('details').length }
	const some = list => list.slice(0, 5)

	// Nothing may stand out of the window, and nothing may have to be scrolled inside it.
	const width = document.documentElement.clientWidth
	if (document.documentElement.scrollWidth > width) found.sideways.push(`the page is ${document.documentElement.scrollWidth} wide in a window of ${width}`)
	for (const e of document.querySelectorAll('main *')) {
		if (!shown(e) || getComputedStyle(e).clipPath !== 'none' || e.closest('.cards > thead, svg')) continue
		const box = e.getBoundingClientRect()
		if (box.width && (box.right > width + 1 || box.left < -1)) found.sideways.push(name(e))
	}

	// Contrast as WCAG 2 computes it, of the colours as they are painted, for every text that is seen.
	const parse = c => { const n = c.match(/[\d.]+/g).map(Number); return { rgb: n.slice(0, 3), a: n.length > 3 ? n[3] : 1 } }
	const light = rgb => { const [r, g, b] = rgb.map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b }
	const over = (front, back) => front.rgb.map((v, i) => v * front.a + back[i] * (1 - front.a))
	const behind = e => {
		const layers = []
		for (; e; e = e.parentElement) {
			const c = parse(getComputedStyle(e).backgroundColor)
			if (c.a > 0) layers.unshift(c)
			if (c.a === 1) break
		}
		return layers.reduce((back, front) => over(front, back), [255, 255, 255])
	}
	const walk = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT)
	while (walk.nextNode()) {
		const e = walk.currentNode.parentElement
		if (!walk.currentNode.textContent.trim() || !shown(e) || e.closest('svg, thead')?.tagName === 'svg') continue
		const back = behind(e), ink = over(parse(getComputedStyle(e).color), back)
		const [high, low] = [light(ink), light(back)].sort((a, b) => b - a)
		const ratio = (high + 0.05) / (low + 0.05)
		found.texts++
		if (ratio < 4.5) found.faint.push(`${ratio.toFixed(2)} ${name(e)}`)
	}

	let level = 0
	for (const h of document.querySelectorAll('h1, h2, h3, h4, h5, h6')) {
		const is = Number(h.tagName[1])
		if (is > level + 1) found.headings.push(`after h${level} comes ${name(h)}`)
		level = is
	}
	if (document.querySelectorAll('h1').length !== 1) found.headings.push('there must be one h1')
	for (const th of document.querySelectorAll('th')) if (!['col', 'row', 'rowgroup', 'colgroup'].includes(th.scope)) found.cells.push(name(th))
	for (const table of document.querySelectorAll('table')) if (!table.caption) found.cells.push('a table without a caption: ' + name(table))

	// What a person cannot come to see: elements with text that have no box.
	for (const e of document.querySelectorAll('main td, main th, main li, main p')) {
		if (!e.closest('.cards > thead') && !shown(e)) found.hidden.push(name(e))
	}
	for (const key of ['sideways', 'faint', 'headings', 'cells', 'hidden']) found[key] = some(found[key])
	return found
})()
