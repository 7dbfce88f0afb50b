import { expect, test } from 'vitest'
import { html } from '../../../src/portal/html.ts'

const attack = `<script>alert("x")</script>`

test('script in text is shown, not run', () => {
  expect(String(html`<p>${attack}</p>`)).toBe('<p>&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;</p>')
})

test('a value cannot leave its attribute', () => {
  expect(String(html`<input value="${`" onfocus="alert(1)`}">`)).toBe('<input value="&quot; onfocus=&quot;alert(1)">')
  expect(String(html`<input value='${`' onfocus='alert(1)`}'>`)).toBe(`<input value='&#39; onfocus=&#39;alert(1)'>`)
})

test('markup inside markup is escaped once', () => {
  expect(String(html`<ul>${['a & b', attack].map((item) => html`<li>${item}</li>`)}</ul>`)).toBe(
    '<ul><li>a &amp; b</li><li>&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;</li></ul>',
  )
})

test('a list of texts is escaped too', () => {
  expect(String(html`${['<b>', [['<i>']]]}`)).toBe('&lt;b&gt;&lt;i&gt;')
})

test('nothing shows for what is not there, and zero shows', () => {
  expect(String(html`[${null}${undefined}${false}${0}]`)).toBe('[0]')
})

test('an object that looks like markup is not markup', () => {
  const forged: unknown = JSON.parse('{"markup":"<script>"}')
  expect(() => String(html`${forged as string}`)).toThrow()
})
